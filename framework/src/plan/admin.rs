//! Where the admin process is to be reached, and by whom.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Address, Plan, Term, Timeouts};
use crate::error::Error;
use crate::http::Limits;
use crate::limits::{
    ADMIN_BODY_BYTES_MAX, ADMIN_CONNECTIONS_MAX, ADMIN_LINES, ADMIN_PATIENCE, ADMIN_RATE_MIN,
    ADMIN_TOKEN_BYTES_MIN,
};

/// Where the admin process is to be reached, and by whom.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    pub(crate) address: Address,
    /// The host by which the user called the address.
    pub(crate) host: String,
    /// Whoever has it may look, and change things.
    pub(crate) token: Option<Token>,
}

/// A secret. It is not shown.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Admin {
    pub(super) fn of(text: Option<&str>, token_file: Option<&Path>) -> Result<Option<Self>, Error> {
        let Some(text) = text else {
            let without = || {
                Error::config(
                    "a token of the admin process is of no use without its address".into(),
                )
            };
            return token_file.map_or(Ok(None), |_| Err(without()));
        };
        let address = Address::resolve(text)?;
        let token = token_file.map(Token::read).transpose()?;
        let open = address.tcp().is_some_and(|tcp| !tcp.ip().to_canonical().is_loopback());
        if open && token.is_none() {
            return Err(Error::config(format!(
                "the admin process would let anybody who reaches {address} change the server: give it a \
                 token (admin_token_file), or choose 127.0.0.1, [::1] or a unix-domain socket"
            )));
        }
        let host = text.rsplit_once(':').map_or(text, |(host, _)| host).to_owned();
        Ok(Some(Self { address, host, token }))
    }

    /// No other address is in its way.
    pub(super) fn stands_beside(
        &self,
        primary: &Address,
        further: &[Address],
    ) -> Result<(), Error> {
        let (new, mut others) = (&self.address, further.iter().chain([primary]));
        match others.find(|old| old.covers(new) || new.covers(old)) {
            None => Ok(()),
            Some(old) => Err(Error::config(format!(
                "{old} and the admin process's {new} are in each other's way: choose another port or path"
            ))),
        }
    }
}

impl Token {
    /// What stands in the file, without the line's end.
    fn read(path: &Path) -> Result<Self, Error> {
        let shown = path.display();
        let unreadable = |error: io::Error| {
            let text = format!("cannot read the admin token {shown}: {error}");
            match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    Error::permission(format!("{text}; choose a file that this user may read"))
                }
                _ => Error::config(format!("{text}; name a file that holds it")),
            }
        };
        let mut file = fs::File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let (mode, owner) = (metadata.mode(), metadata.uid());
        if owner != 0 && owner != nix::unistd::geteuid().as_raw() {
            return Err(Error::permission(format!(
                "the admin token {shown} belongs to user {owner}, who could change it: it must be root's or \
                 the server's own"
            )));
        }
        if mode & 0o007 != 0 {
            return Err(Error::permission(format!(
                "the admin token {shown} is open to everybody (mode {:03o}): chmod 600 {shown}, and \
                 choose a new token if somebody may have seen it",
                mode & 0o777
            )));
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unreadable)?;
        let token = text.trim_end_matches(['\r', '\n']);
        let fits = token.len() >= ADMIN_TOKEN_BYTES_MIN;
        // As it stands in a header, and in a link.
        let plain = token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        if !fits || !plain {
            return Err(Error::config(format!(
                "the admin token in {shown} must have at least {ADMIN_TOKEN_BYTES_MIN} of the characters \
                 A-Z a-z 0-9 - . _ ~ and no others: make one with `openssl rand -hex 32`"
            )));
        }
        Ok(Self(token.to_owned()))
    }

    /// Takes as long for one that is wrong at the end as for one that is wrong at the start.
    pub(crate) fn is(&self, said: &[u8]) -> bool {
        let token = self.0.as_bytes();
        let pairs = token.iter().zip(said.iter().chain(std::iter::repeat(&0)));
        let differs = pairs.fold(0, |differs, (one, other)| differs | (one ^ other));
        std::hint::black_box(differs) == 0 && token.len() == said.len()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(...)")
    }
}

impl Plan {
    /// What the admin process goes by: it serves few, writes no log of them, and does not end by itself.
    pub(crate) fn for_admin(&self) -> Self {
        Self {
            connections_max: ADMIN_CONNECTIONS_MAX,
            // One more, to say that all lines are in use.
            offload_threads: ADMIN_LINES + 1,
            timeouts: Timeouts {
                head: ADMIN_PATIENCE,
                body: ADMIN_PATIENCE,
                idle: ADMIN_PATIENCE,
                write: ADMIN_PATIENCE,
                rate_min: ADMIN_RATE_MIN,
            },
            limits: Limits { body_bytes_max: ADMIN_BODY_BYTES_MAX, ..Limits::default() },
            term: Term { hang_timeout: self.term.hang_timeout, ..Term::default() },
            access_log: None,
            trusted: None,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    const TOKEN: &str = "0123456789abcdef";

    #[test]
    fn what_everybody_reaches_needs_a_token() {
        for open in ["0.0.0.0:9000", "[::]:9000", "192.0.2.1:9000", "[::ffff:192.0.2.1]:9000"] {
            assert!(Admin::of(Some(open), None).unwrap_err().is_config(), "{open}");
            let file = file(TOKEN, 0o600);
            assert!(Admin::of(Some(open), Some(file.path())).unwrap().is_some(), "{open}");
        }
        for private in ["127.0.0.1:9000", "[::1]:9000", "localhost:9000", "unix:/run/admin"] {
            assert!(Admin::of(Some(private), None).unwrap().is_some(), "{private}");
        }
        assert!(Admin::of(None, Some(Path::new("/nowhere"))).is_err());
        assert!(Admin::of(None, None).unwrap().is_none());
    }

    #[test]
    fn a_token_that_everybody_may_read_or_guess_is_refused() {
        let read = |text: &str, mode| Token::read(file(text, mode).path());
        assert!(read(TOKEN, 0o644).unwrap_err().is_permission());
        assert!(read("short", 0o600).unwrap_err().is_config());
        assert!(read(&format!("{TOKEN} "), 0o600).unwrap_err().is_config());
        assert!(Token::read(Path::new("/nowhere")).unwrap_err().is_config());
        let token = read(&format!("{TOKEN}\n"), 0o640).unwrap();
        assert!(token.is(TOKEN.as_bytes()));
        for wrong in
            ["", "0123456789abcdeX", "0123456789abcde", "0123456789abcdef\0", "0123456789abcdef0"]
        {
            assert!(!token.is(wrong.as_bytes()), "{wrong}");
        }
        assert!(!format!("{token:?}").contains(TOKEN));
    }

    #[test]
    fn the_admin_process_has_an_address_of_its_own() {
        let admin = Admin::of(Some("127.0.0.1:9000"), None).unwrap().unwrap();
        let address = |text: &str| text.parse::<Address>().unwrap();
        assert!(admin.stands_beside(&address("0.0.0.0:9000"), &[]).is_err());
        assert!(admin.stands_beside(&address("0.0.0.0:80"), &[address("127.0.0.1:9000")]).is_err());
        assert!(admin.stands_beside(&address("0.0.0.0:80"), &[]).is_ok());
    }
}
