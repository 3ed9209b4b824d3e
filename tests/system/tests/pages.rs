//! Pages for people, as tests read them: their blocks, which are files, commands for a shell, or what is printed.

/// A block of a page.
#[derive(Debug)]
pub(crate) struct Block {
    /// The file that it is to be written to, if the paragraph above ends with a name.
    pub(crate) file: Option<String>,
    /// What stands behind its first three backticks; nothing where it is for a shell.
    pub(crate) language: String,
    /// What stands in it.
    pub(crate) text: String,
}

impl Block {
    /// The commands of a block; one goes on behind a backslash, and behind `&&`.
    pub(crate) fn commands(&self) -> Vec<String> {
        let joined = self.text.replace("\\\n", " ").replace("&&\n", "&& ");
        joined.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
    }
}

/// The blocks of a page.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut above, mut open) = (Vec::new(), String::new(), None::<Block>);
    for line in page.lines() {
        if let Some(language) = line.strip_prefix("```") {
            let named = above.strip_suffix("`:").and_then(|above| above.rsplit('`').next());
            if let Some(block) = open.take() {
                blocks.push(block);
            } else {
                let (file, language) = (named.map(str::to_owned), language.to_owned());
                open = Some(Block { file, language, text: String::new() });
            }
        } else if let Some(block) = &mut open {
            block.text += &format!("{line}\n");
        } else if !line.is_empty() {
            line.clone_into(&mut above);
        }
    }
    blocks
}
