//! The program of the page that shows a simulated cluster.

fn main() {
    kitchen_platform::run_constructors();
    kitchen_web::cluster::mount();
}
