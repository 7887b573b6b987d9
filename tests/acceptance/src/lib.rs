//! Stories told to the running product from outside.
