//! Types whose values have fixed names.

/// Gives a type with fixed names its list, its parser and its display.
macro_rules! named {
    ($type:ident, $what:literal, $($variant:ident = $name:literal),+) => {
        impl $type {
            /// All values, in the order of their documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self { $(Self::$variant => $name),+ })
            }
        }

        impl std::str::FromStr for $type {
            type Err = crate::error::Error;

            fn from_str(text: &str) -> Result<Self, crate::error::Error> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(crate::error::Error::config(format!(
                        concat!("{:?} is no ", $what, ": choose one of {}"),
                        text, [$($name),+].join(", "),
                    ))),
                }
            }
        }
    };
}

#[cfg(feature = "config")]
pub(crate) use named;
