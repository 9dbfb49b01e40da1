//! The program of the worker that trains on the GPU too.

fn main() {
    kitchen_platform::run_constructors();
    kitchen_web::worker::start();
}
