//! The explorer from outside: messages in, screens and effects out.
mod comparing;
mod driver;
mod export;
mod inspector;
mod models;
mod own;
mod planning;
mod ratings;
mod resizing;
mod safety;
mod small;
mod statistics;
mod tables;
mod values;
mod views;
mod vocabulary;
