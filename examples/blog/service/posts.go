package service

import (
	"net/http"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// A newPost is the body of a request that creates a post.
type newPost struct {
	Title string   `json:"title" validate:"required,max=80"`
	Text  string   `json:"text" validate:"required,max=2000"`
	Tags  []string `json:"tags" validate:"max=5,dive,required,max=20"`
}

// write copies it into a post. Tags are [] in JSON, never null.
func (in newPost) write(p *Post) {
	p.Title, p.Text, p.Tags = in.Title, in.Text, append([]string{}, in.Tags...)
}

// created is the response to a new post, with status 201.
type created struct{ Post }

func (created) StatusCode() int { return http.StatusCreated }

var errNoPost = reply.NewError(http.StatusNotFound, "No such post")

// collection serves /api/posts, with a handler for each method.
func (s *Service) collection() http.Handler {
	return middleware.Methods{
		"GET":  bind.Func(s.listPosts),
		"POST": bind.Func(s.createPost),
	}
}

func (s *Service) listPosts(r *http.Request, _ struct{}) ([]Post, error) {
	return s.posts.List(r.Context())
}

// createPost is called only with a valid post. An invalid one gets 400 or 422 with
// the names of the wrong fields.
func (s *Service) createPost(r *http.Request, in newPost) (created, error) {
	var p Post
	in.write(&p)
	p, err := s.posts.Add(r.Context(), p)
	return created{p}, err
}

// item serves /api/post/[pid].
func (s *Service) item() http.Handler {
	return middleware.Methods{
		"GET":   bind.Func(s.getPost),
		"PUT":   bind.Func(s.putPost),
		"PATCH": bind.Func(s.patchPost),
	}
}

// A onePost is a request whose only field is in the path.
type onePost struct {
	ID int `path:"pid"`
}

func (s *Service) getPost(r *http.Request, in onePost) (Post, error) {
	return found(s.posts.Get(r.Context(), in.ID))
}

// A wholePost is a PUT: one field from the path, the others from the body.
type wholePost struct {
	ID int `path:"pid"`
	newPost
}

func (s *Service) putPost(r *http.Request, in wholePost) (Post, error) {
	return found(s.posts.Update(r.Context(), in.ID, in.write))
}

// A postPatch is a PATCH. Omitted fields stay, and null clears the tags. A title
// cannot be cleared, so a pointer is enough.
type postPatch struct {
	ID    int                     `path:"pid"`
	Title *string                 `json:"title" validate:"omitempty,min=1,max=80"`
	Text  *string                 `json:"text" validate:"omitempty,min=1,max=2000"`
	Tags  bind.Optional[[]string] `json:"tags,omitzero" validate:"omitempty,max=5,dive,required,max=20"`
}

func (s *Service) patchPost(r *http.Request, in postPatch) (Post, error) {
	return found(s.posts.Update(r.Context(), in.ID, func(p *Post) {
		if in.Title != nil {
			p.Title = *in.Title
		}
		if in.Text != nil {
			p.Text = *in.Text
		}
		if in.Tags.Set {
			p.Tags = append([]string{}, in.Tags.Value...)
		}
	}))
}

// found returns a 404 error if the post does not exist.
func found(p Post, ok bool, err error) (Post, error) {
	if err == nil && !ok {
		err = errNoPost
	}
	return p, err
}
