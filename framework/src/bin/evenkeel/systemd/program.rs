//! The program that a unit runs, and its command line in systemd's spelling.

use std::path::{Path, PathBuf};

use crate::outcome::Failure;

/// A program that is there, and its arguments.
pub(super) struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    /// What else it must find.
    needs: Vec<PathBuf>,
}

/// Words by which a program is told a policy that can use `CAP_BPF`.
const BPF_POLICIES: [&str; 3] = ["least-busy", "kernel-rr", "auto"];

impl Program {
    /// Finds it as a shell would. No link is followed: an upgrade takes what a link names by then.
    pub(super) fn find(command: &[String]) -> Result<Self, Failure> {
        let (name, arguments) =
            command.split_first().ok_or_else(|| Failure::settings("name the program, after --"))?;
        let path = search(name).ok_or_else(|| {
            Failure::settings(format!(
                "there is no program {name}: name it by its whole path, after --"
            ))
        })?;
        let all = arguments.iter().map(String::as_str).chain(path.to_str());
        if path.to_str().is_none_or(|path| path.contains('$')) {
            let path = path.display();
            return Err(Failure::settings(format!("{path}: systemd cannot run a path like that")));
        }
        if all.into_iter().any(|word| word.contains(char::is_control)) {
            let text = "an argument with a control character cannot stand in a unit";
            return Err(Failure::settings(text));
        }
        Ok(Self { path, arguments: arguments.to_vec(), needs: Vec::new() })
    }

    pub(super) fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The value of `ExecStart=`.
    pub(super) fn command_line(&self) -> String {
        let path = self.path.display().to_string();
        let arguments = self.arguments.iter().map(|word| quoted(&word.replace('$', "$$")));
        std::iter::once(quoted(&path)).chain(arguments).collect::<Vec<_>>().join(" ")
    }

    /// The arguments name a policy that can use a program in the kernel.
    pub(super) fn names_bpf_policy(&self) -> bool {
        let words = || self.arguments.iter().map(String::as_str);
        let joined = words().filter_map(|word| word.strip_prefix("--policy="));
        let apart = words().zip(words().skip(1)).filter(|(flag, _)| *flag == "--policy");
        joined.chain(apart.map(|(_, value)| value)).any(uses_bpf_policy)
    }

    /// It cannot do without this file or folder.
    pub(super) fn needs(&mut self, path: PathBuf) {
        self.needs.push(path);
    }

    /// What of it lies in one of these folders.
    pub(super) fn part_below(&self, folders: &[&str]) -> Option<&Path> {
        let mut parts = std::iter::once(&self.path).chain(&self.needs);
        parts
            .find(|part| folders.iter().any(|folder| part.starts_with(folder)))
            .map(PathBuf::as_path)
    }
}

/// This policy can use a program in the kernel.
pub(super) fn uses_bpf_policy(name: &str) -> bool {
    BPF_POLICIES.contains(&name)
}

fn search(name: &str) -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let candidates: Vec<PathBuf> = if name.contains('/') {
        vec![here.join(name)]
    } else {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&folders).map(|folder| here.join(folder).join(name)).collect()
    };
    candidates.into_iter().find(|path| path.is_file()).map(|path| path.components().collect())
}

/// In systemd's spelling (systemd.syntax(7), systemd.service(5)).
pub(super) fn quoted(word: &str) -> String {
    let word = word.replace('%', "%%");
    let plain = |c: char| c.is_ascii_alphanumeric() || "/.,:_-+=@%$[]".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word;
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}
