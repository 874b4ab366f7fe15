//! Types whose values the user says by name.

/// Gives a type with fixed names its list, its parser and its display.
macro_rules! named {
    ($type:ident, $what:literal, $($variant:ident = $name:literal),+) => {
        impl $type {
            /// All values, in the order of their documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $name),+ })
            }
        }

        impl FromStr for $type {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(Error::config(format!(
                        concat!("{:?} is no ", $what, ": choose one of {}"),
                        text, [$($name),+].join(", "),
                    ))),
                }
            }
        }
    };
}

pub(super) use named;
