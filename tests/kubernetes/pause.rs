//! Holds the namespaces of a pod until a signal ends it, and does nothing else.

fn main() {
    loop {
        std::thread::park();
    }
}
