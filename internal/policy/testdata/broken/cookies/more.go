// This essay is about cookies and stands too close to the package clause.
package cookies
