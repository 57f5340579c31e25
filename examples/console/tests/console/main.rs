//! The program of this package, from outside: its command line, and what it shows the console.

mod command;
mod program;
mod shown;
