//! Stories told to the running product from outside: the binary, its HTTP interface, its command
//! line and git. The stories are in `tests/it`.
