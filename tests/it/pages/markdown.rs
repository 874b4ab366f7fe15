//! What the project's pages show: blocks between fences, and code within sentences.

use std::path::{Path, PathBuf};

use crate::tidy::{ROOT, files, page};

/// A page, or the comments of a source file that are one.
pub(super) struct Page {
    pub(super) path: PathBuf,
    text: String,
}

/// What stands between two fences.
pub(super) struct Block {
    /// Page and line, to be found by.
    pub(super) place: String,
    pub(super) language: String,
    pub(super) text: String,
}

/// All pages for people, and what rustdoc makes pages of.
pub(super) fn pages() -> Vec<Page> {
    let root = Path::new(ROOT);
    let top = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"];
    let top = top.map(|name| Page { path: root.join(name), text: page(name) });
    let below = ["demo-app", "bench", "framework/src"].map(|folder| files(folder, ".md"));
    let below = below.into_iter().flatten().map(|(path, text)| Page { path, text });
    let sources = files("framework/src", ".rs").into_iter();
    let sources = sources.map(|(path, text)| Page { path, text: comments(&text) });
    top.into_iter().chain(below).chain(sources).collect()
}

/// The lines of comments that are documentation; the others are empty, so that they count.
fn comments(source: &str) -> String {
    let comment = |line: &str| {
        let line = line.trim_start();
        let text = line.strip_prefix("//!").or_else(|| line.strip_prefix("///"))?;
        Some(text.strip_prefix(' ').unwrap_or(text).to_owned())
    };
    let lines: Vec<String> = source.lines().map(|line| comment(line).unwrap_or_default()).collect();
    lines.join("\n")
}

impl Page {
    pub(super) fn is_source(&self) -> bool {
        self.path.extension().is_some_and(|ending| ending == "rs")
    }

    fn place(&self, line: usize) -> String {
        let path = self.path.strip_prefix(ROOT).unwrap();
        format!("{}:{line}", path.display())
    }

    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (at, line) in self.text.lines().enumerate() {
            let fence = line.trim_start().strip_prefix("```");
            match (fence, open.take()) {
                (Some(language), None) => {
                    let language = language.trim().to_owned();
                    open = Some(Block { place: self.place(at + 1), language, text: String::new() });
                }
                (Some(_), Some(block)) => blocks.push(block),
                (None, Some(mut block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                    open = Some(block);
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block without an end", self.path.display());
        blocks
    }

    /// Code within sentences and tables, with its place. It may go on in the next line.
    pub(super) fn spans(&self) -> Vec<(String, String)> {
        let mut spans = Vec::new();
        let mut open: Option<(String, String)> = None;
        let mut fenced = false;
        for (at, line) in self.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if line.is_empty() {
                open = None;
            } else if !fenced {
                for (nth, part) in line.split('`').enumerate() {
                    // Each tick ends what the one before it has begun.
                    if nth > 0 {
                        match open.take() {
                            Some(span) => spans.push(span),
                            None => open = Some((self.place(at + 1), String::new())),
                        }
                    }
                    if let Some((_, text)) = &mut open {
                        text.push_str(part);
                        text.push(' ');
                    }
                }
            }
        }
        spans.into_iter().map(|(place, text)| (place, text.trim().to_owned())).collect()
    }
}
