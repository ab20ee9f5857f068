//! The `rewardscope` program: everything happens in the library.

fn main() -> std::process::ExitCode {
    rewardscope::cli::main()
}
