//! What is inside of a model, and how it errs: [`matrix`], [`confusion`] and [`histogram`].

pub mod confusion;
pub mod histogram;
pub mod matrix;
