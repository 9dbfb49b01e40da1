//! The program of the worker that trains.

fn main() {
    kitchen_web::worker::start();
}
