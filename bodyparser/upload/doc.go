// Package upload streams multipart forms, within a bound for everything a
// client can make large.
//
//	for part, err := range upload.Parts(w, r, upload.Config{FileLimit: 5 * bytesize.MB}) {
//		if err != nil {
//			reply.Problem(w, r, err)
//			return
//		}
//		if part.IsFile() && part.FileName() != "" {
//			_, err = part.SaveAs(filepath.Join(dir, rand.Text())) // of crypto/rand
//		}
//		...
//	}
//
// The name on the disk is the service's choice: by a name of the client's, one
// client overwrites the file of another.
//
// A part is read from the connection while the handler reads it. Nothing is
// kept in memory or put on a disk that the handler does not put there, so
// nothing is left behind when a client or a handler gives up. [Form] is the
// shorter way for forms in which only the files are large. [Part.Spool] is for
// files that are needed only when the whole form is known; as fields of the
// struct that is bound, [File] values, they come with package bind.
//
// It works behind a bodyparser.New, which leaves multipart bodies unread. A
// Limit that is set there holds for uploads too.
//
// # Differences from Next.js
//
// Next.js has no multipart parser: a body parser that is on makes a string of
// the form, and with bodyParser: false the handler brings a library.
package upload
