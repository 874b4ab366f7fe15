//! The environment of this process.

use std::io;

use super::fork;

/// Sets a variable.
///
/// # Errors
/// The name or the value cannot stand in an environment, or another thread may read it meanwhile.
pub(crate) fn set(name: &str, value: &str) -> io::Result<()> {
    if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
        let text =
            format!("{name:?} cannot be a variable of the environment with the value {value:?}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    if fork::threads()?.len() > 1 {
        return Err(io::Error::other("threads are alive"));
    }
    // SAFETY: this is the only thread (looked up above): no other one reads the environment meanwhile.
    unsafe { std::env::set_var(name, value) };
    Ok(())
}
