// The part is built here.
