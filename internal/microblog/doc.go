// Package microblog holds the domain: people, posts, and the rules that both must keep; it does no input or output.
//
// Every Check function takes a value as somebody typed it and returns the value
// as it is to be stored, or a *FieldError whose text may be shown beside the
// form field.
package microblog
