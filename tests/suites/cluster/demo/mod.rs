//! The demo, as a program of its own, in a cluster of the user's, where it is a guest.

mod guest;
mod run;
