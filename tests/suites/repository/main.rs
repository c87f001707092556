//! What the repository promises about itself: the table of requirements, the walls between crates, generated files,
//! sources, pages and charts. Reads the checkout; starts cargo, git and helm, and opens no connection of its own.

mod charts;
mod checkout;
mod deny;
mod documents;
mod generated;
mod helm;
mod pages;
mod programs;
mod rendered;
mod requirements;
mod sources;
mod walls;
