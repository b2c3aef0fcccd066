// Run by the kernel before the first cell (EVCXR_CONFIG_DIR points here). Nothing here may print.
// 1. The kernel forces RUST_BACKTRACE=1 on its child: a dozen lines for every caught panic.
// 2. A cell that holds the session's first `?` shows its value as Debug text. This is that first `?`.
unsafe { std::env::set_var("RUST_BACKTRACE", "0") };
Ok::<(), String>(())?;
