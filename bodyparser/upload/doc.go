// Package upload streams multipart forms, with a limit on everything that a
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
// The service chooses the name on the disk: with names from clients, one client
// could overwrite the file of another.
//
// A part is read from the connection while the handler reads it. The package
// keeps nothing in memory or on disk by itself, so nothing is left behind when
// a client or a handler gives up. [Form] is shorter for forms in which only the
// files are large. [Part.Spool] is for files that are needed only after the
// whole form is known; with package bind they are [File] fields of the struct.
//
// It works inside a bodyparser.New, which leaves multipart bodies unread. A
// Limit that is set there applies to uploads too.
//
// # Differences from Next.js
//
// Next.js has no multipart parser: its body parser makes a string of the form,
// and with bodyParser: false the handler needs a library.
package upload
