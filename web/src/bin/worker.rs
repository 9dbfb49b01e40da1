//! The program of the worker that trains.

fn main() {
    kitchen_platform::run_constructors();
    kitchen_web::worker::start();
}
