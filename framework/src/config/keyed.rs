//! One list of keys for each table: what can be read, written, merged and described follows from it.

use std::fmt;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value as Json;

use super::raw::Raw;

/// What it takes to change a setting of a running server; see [the module](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// An upgrade, for what stands in a file: `main` runs again.
    Upgrade,
    /// A stop and a start.
    Restart,
}

/// One key of a table.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Key {
    /// Its name, as in a file. The environment has it in capitals, after `EVENKEEL_`.
    pub name: &'static str,
    /// What it means.
    pub about: &'static str,
    /// What it takes to change it.
    pub change: Change,
    pub(super) schema: fn() -> Json,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Upgrade => "upgrade",
            Self::Restart => "restart",
        })
    }
}

/// A table with known keys, of which none must be there.
pub(super) trait Keyed {
    /// All of them.
    fn keys() -> Vec<Key>;
    /// Sets one; what is wrong with the value, if it is. The name is one of the keys.
    fn set(&mut self, name: &str, raw: &Raw) -> Result<(), String>;
    /// Makes relative paths whole: they are relative to this folder.
    fn anchor(&mut self, folder: &Path);
}

/// Makes a structure whose fields are the keys of a table.
macro_rules! keyed {
    (
        $(#[$meta:meta])*
        pub struct $table:ident;
        $( $(#[doc = $about:literal])+ $change:ident $name:ident: $type:ty, )+
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $table {
            $( $(#[doc = $about])+ pub $name: Option<$type>, )+
        }

        impl $table {
            /// Its keys, in the order of their documentation.
            pub const KEYS: &[$crate::config::Key] = &[$(
                $crate::config::Key {
                    name: stringify!($name),
                    about: concat!($($about),+),
                    change: $crate::config::Change::$change,
                    schema: <$type as $crate::config::value::Value>::schema,
                },
            )+];

            /// What these say, and, where they say nothing, the weaker ones.
            #[must_use]
            pub fn over(self, weaker: Self) -> Self {
                Self { $( $name: self.$name.or(weaker.$name), )+ }
            }

            /// The keys that are set, and their values as text.
            pub fn texts(&self) -> Vec<(&'static str, String)> {
                let mut texts = Vec::new();
                $(
                    if let Some(value) = &self.$name {
                        texts.push((stringify!($name), $crate::config::value::Value::text(value)));
                    }
                )+
                texts
            }
        }

        impl $table {
            /// The same as JSON, which is read back as it was.
            pub(in $crate::config) fn values(&self) -> serde_json::Map<String, serde_json::Value> {
                let mut values = serde_json::Map::new();
                $(
                    if let Some(value) = &self.$name {
                        let json = $crate::config::value::Value::json(value);
                        values.insert(stringify!($name).to_owned(), json);
                    }
                )+
                values
            }
        }

        impl serde::Serialize for $table {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&self.values(), to)
            }
        }

        impl $crate::config::keyed::Keyed for $table {
            fn keys() -> Vec<$crate::config::Key> {
                Self::KEYS.to_vec()
            }

            fn set(&mut self, name: &str, raw: &$crate::config::raw::Raw) -> Result<(), String> {
                match name {
                    $( stringify!($name) => {
                        self.$name = Some($crate::config::value::Value::read(raw)?);
                    } )+
                    _ => return Err(format!("there is no key `{name}`")),
                }
                Ok(())
            }

            fn anchor(&mut self, folder: &std::path::Path) {
                $( self.$name.iter_mut().for_each(|value| {
                    $crate::config::value::Value::anchor(value, folder);
                }); )+
            }
        }
    };
}

/// Reads a table; what is wrong is said at its place.
pub(super) fn read<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: Keyed + Default,
    D: Deserializer<'de>,
{
    from.deserialize_map(Table(T::default()))
}

struct Table<T>(T);

impl<'de, T: Keyed> Visitor<'de> for Table<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut from: A) -> Result<T, A::Error> {
        let keys = T::keys();
        while let Some(name) = from.next_key_seed(Name(&keys))? {
            from.next_value_seed(Content { table: &mut self.0, name: &name })?;
        }
        Ok(self.0)
    }
}

struct Name<'a>(&'a [Key]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<String, D::Error> {
        let name: String = serde::Deserialize::deserialize(from)?;
        let mut known = self.0.iter().map(|key| key.name);
        if known.any(|known| known == name) {
            return Ok(name);
        }
        let known = self.0.iter().map(|key| key.name);
        Err(D::Error::custom(format!("unknown key `{name}`{}", suggestion(&name, known))))
    }
}

struct Content<'a, T> {
    table: &'a mut T,
    name: &'a str,
}

impl<'de, T: Keyed> DeserializeSeed<'de> for Content<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        let raw: Raw = serde::Deserialize::deserialize(from)?;
        let wrong = |why| D::Error::custom(format!("{}: {why}", self.name));
        self.table.set(self.name, &raw).map_err(wrong)
    }
}

/// Words that are less alike than this are not taken for each other.
const ALIKE: f64 = 0.8;

/// The known word that may have been meant.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let rated = known.map(|known| (strsim::jaro_winkler(word, known), known));
    let (likeness, nearest) = rated.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (likeness >= ALIKE).then_some(nearest)
}

pub(super) fn suggestion<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(nearest) = nearest(word, known.clone()) {
        return format!(": did you mean `{nearest}`?");
    }
    let known: Vec<&str> = known.collect();
    format!(": choose one of {}", known.join(", "))
}
