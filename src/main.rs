//! The program: see [`teilhabe::shell::command`].

fn main() -> std::process::ExitCode {
    teilhabe::shell::command::main()
}
