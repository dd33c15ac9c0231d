//! Every path that a file of Rust names, written out from its root: `crate::…`, or the outside crate's name.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path, and where it was found.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) path: String,
    pub(crate) line: usize,
    /// It stands in a module of tests.
    pub(crate) in_tests: bool,
}

/// All paths in `text`, which stands in the module `module` of its crate.
pub(crate) fn named_in(module: &[String], text: &str) -> Vec<Named> {
    let tokens: TokenStream = text.parse().expect("a file of Rust");
    let mut reader = Reader { module: module.to_vec(), ..Reader::default() };
    reader.read_imports(tokens.clone());
    reader.module = module.to_vec();
    reader.imports_read = true;
    reader.read(tokens);
    reader.named
}

#[derive(Default)]
struct Reader {
    module: Vec<String>,
    test_depth: usize,
    /// What a name stands for, by the module it was imported into. Names of enclosing modules count as well: a name
    /// taken for too much is better than one that slips by.
    imports: BTreeMap<(Vec<String>, String), Vec<String>>,
    imports_read: bool,
    named: Vec<Named>,
}

impl Reader {
    fn read_imports(&mut self, tokens: TokenStream) {
        self.read(tokens);
        self.named.clear();
    }

    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Ident(word) if word == "use" => at = self.read_use(&tokens, at + 1),
                TokenTree::Ident(word) if word == "mod" => at = self.read_module(&tokens, at + 1),
                TokenTree::Ident(word) if word == "extern" && is_word(tokens.get(at + 1), "crate") => {
                    let line = word.span().start().line;
                    if let Some(name) = tokens.get(at + 2).and_then(ident) {
                        self.name(vec![name], line);
                    }
                    at += 3;
                }
                TokenTree::Ident(_) => at = self.read_path(&tokens, at),
                TokenTree::Group(group) => {
                    self.read(group.stream());
                    at += 1;
                }
                TokenTree::Punct(_) if is_colons(&tokens, at) && !follows_path(&tokens, at) => {
                    at = self.read_rooted(&tokens, at + 2);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
            }
        }
    }

    fn read_module(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let Some(name) = tokens.get(at).and_then(ident) else { return at };
        if let Some(TokenTree::Group(body)) = tokens.get(at + 1) {
            let is_tests = name == "tests";
            self.test_depth += usize::from(is_tests);
            self.module.push(name);
            self.read(body.stream());
            self.module.pop();
            self.test_depth -= usize::from(is_tests);
            return at + 2;
        }
        let child =
            ["crate".to_owned()].into_iter().chain(self.module.clone()).chain([name.clone()]).collect();
        self.imports.insert((self.module.clone(), name), child);
        at + 1
    }

    /// From behind the word `use` to behind the semicolon.
    fn read_use(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let end = tokens[at..].iter().position(|token| is_punct(token, ';')).map_or(tokens.len(), |n| at + n);
        self.read_use_tree(&[], &tokens[at..end]);
        end + 1
    }

    fn read_use_tree(&mut self, base: &[String], tokens: &[TokenTree]) {
        for branch in tokens.split(|token| is_punct(token, ',')).filter(|branch| !branch.is_empty()) {
            let mut path = base.to_vec();
            let mut alias = None;
            let mut line = 0;
            let mut words = branch.iter().peekable();
            let mut is_leaf = true;
            while let Some(token) = words.next() {
                line = token.span().start().line;
                match token {
                    TokenTree::Ident(word) if word == "as" => alias = words.next().and_then(ident),
                    TokenTree::Ident(word) if word == "self" && !path.is_empty() => {}
                    TokenTree::Ident(_) => path.extend(ident(token)),
                    TokenTree::Punct(mark) if mark.as_char() == '*' => path.push("*".to_owned()),
                    TokenTree::Punct(_) | TokenTree::Literal(_) => {}
                    TokenTree::Group(group) => {
                        is_leaf = false;
                        let inner: Vec<_> = group.stream().into_iter().collect();
                        self.read_use_tree(&path, &inner);
                    }
                }
            }
            if is_leaf && !path.is_empty() {
                let path = self.name(path, line);
                let name = alias.or_else(|| path.last().cloned());
                if let Some(name) = name.filter(|name| *name != path[0]) {
                    self.imports.insert((self.module.clone(), name), path);
                }
            }
        }
    }

    /// A path in an expression, a type or a macro. Words that no `::` follows are no path.
    fn read_path(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        if !is_colons(tokens, at + 1) {
            return at + 1;
        }
        let (path, line, end) = collect(tokens, at);
        self.name(path, line);
        end
    }

    /// A path that begins with `::`.
    fn read_rooted(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let (path, line, end) = collect(tokens, at);
        if let Some(first) = path.first() {
            let in_tests = self.test_depth > 0;
            if !matches!(first.as_str(), "crate" | "self" | "super") {
                self.named.push(Named { path: path.join("::"), line, in_tests });
            }
        }
        end.max(at)
    }

    fn name(&mut self, path: Vec<String>, line: usize) -> Vec<String> {
        let path = self.resolve(path);
        let in_tests = self.test_depth > 0;
        self.named.push(Named { path: path.join("::"), line, in_tests });
        path
    }

    fn resolve(&self, path: Vec<String>) -> Vec<String> {
        let mut module = self.module.clone();
        let mut rest = path.iter().peekable();
        let mut is_relative = false;
        while let Some(word) = rest.peek() {
            match word.as_str() {
                "self" => is_relative = true,
                "super" => {
                    is_relative = true;
                    module.pop();
                }
                _ => break,
            }
            rest.next();
        }
        if is_relative {
            return ["crate".to_owned()].into_iter().chain(module).chain(rest.cloned()).collect();
        }
        let Some(first) = path.first() else { return path };
        let mut scope = self.module.clone();
        loop {
            if let Some(meant) =
                self.imports.get(&(scope.clone(), first.clone())).filter(|_| self.imports_read)
            {
                return meant.iter().chain(&path[1..]).cloned().collect();
            }
            if scope.pop().is_none() || scope.len() < self.module.len().saturating_sub(2) {
                return path;
            }
        }
    }
}

/// The words from `at` on that are joined by `::`, the line they begin in, and where they end.
fn collect(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize, usize) {
    let line = tokens.get(at).map_or(0, |token| token.span().start().line);
    let mut path = Vec::new();
    while let Some(word) = tokens.get(at).and_then(ident) {
        path.push(word);
        at += 1;
        if !is_colons(tokens, at) {
            break;
        }
        at += 2;
    }
    (path, line, at)
}

fn ident(token: &TokenTree) -> Option<String> {
    match token {
        TokenTree::Ident(word) => Some(word.to_string().trim_start_matches("r#").to_owned()),
        TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    }
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(found)) if found == word)
}

fn is_punct(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == mark)
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    tokens.get(at).is_some_and(|token| is_punct(token, ':'))
        && tokens.get(at + 1).is_some_and(|token| is_punct(token, ':'))
}

/// `<T as Trait>::name` and `Vec::<u8>::new` go on with what stands before; a `::` elsewhere is a root.
fn follows_path(tokens: &[TokenTree], at: usize) -> bool {
    match at.checked_sub(1).and_then(|before| tokens.get(before)) {
        Some(TokenTree::Ident(_)) => true,
        Some(TokenTree::Punct(mark)) => mark.as_char() == '>',
        Some(TokenTree::Group(group)) => group.delimiter() == Delimiter::None,
        Some(TokenTree::Literal(_)) | None => false,
    }
}
