package installtest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// curl runs a curl command line with the options that the pages use: a URL, headers
// with -H and a body with -d.
func curl(command string) (body string, err error) {
	words, err := shellWords(command)
	if err != nil {
		return "", err
	}
	method, url, sent := "GET", "", ""
	header := make(http.Header)
	for i := 1; i < len(words); i++ {
		switch word := words[i]; {
		case (word == "-H" || word == "-d") && i+1 == len(words):
			return "", fmt.Errorf("%s needs a value", word)
		case word == "-H":
			i++
			name, value, ok := strings.Cut(words[i], ":")
			if !ok {
				return "", fmt.Errorf("%q is no header", words[i])
			}
			header.Set(name, strings.TrimSpace(value))
		case word == "-d":
			i++
			method, sent = "POST", words[i]
			if header.Get("Content-Type") == "" {
				header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
		case strings.HasPrefix(word, "-") || url != "":
			return "", fmt.Errorf("what does curl do with %q?", word)
		default:
			url = "http://" + word
		}
	}
	r, err := http.NewRequest(method, url, strings.NewReader(sent))
	if err != nil {
		return "", err
	}
	r.Header = header
	client := http.Client{Timeout: time.Minute}
	resp, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	return string(all), err
}

// shellWords splits a command line like a shell that knows spaces and single quotes.
// Other shell syntax is an error.
func shellWords(line string) (words []string, err error) {
	for i, part := range strings.Split(line, "'") {
		switch {
		case i%2 == 1:
			words = append(words, part)
		case strings.ContainsAny(part, "\"\\$&|;<>(){}*?`"):
			return nil, fmt.Errorf("%q needs a shell", line)
		case i > 0 && part != "" && part[0] != ' ', strings.Count(line, "'")%2 != 0:
			return nil, fmt.Errorf("quotes in the middle of a word: %q", line)
		default:
			words = append(words, strings.Fields(part)...)
		}
	}
	return words, nil
}
