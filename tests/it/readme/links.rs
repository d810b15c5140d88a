//! Links between the documents.

use super::{Document, documents, root};

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(document: &Document) -> Vec<String> {
    let mut inside = false;
    let mut anchors = Vec::new();
    for line in document.text.lines() {
        inside ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        if inside || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        anchors.push(kept.collect::<String>().to_lowercase().replace(' ', "-"));
    }
    anchors
}

/// Targets of the links of a document that stay in the repository.
fn targets(document: &Document) -> impl Iterator<Item = &str> {
    let links = document.text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    links.map(|(target, _)| target).filter(|target| !target.contains("://"))
}

#[test]
fn every_link_leads_somewhere() {
    let documents = documents();
    let mut broken = Vec::new();
    for document in &documents {
        let folder = root().join(&document.path).parent().unwrap().to_owned();
        for target in targets(document) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { root().join(&document.path) } else { folder.join(file) };
            let Ok(path) = path.canonicalize() else {
                broken.push(format!("{}: there is no {target}", document.path));
                continue;
            };
            let to = documents.iter().find(|other| root().join(&other.path).canonicalize().unwrap() == path);
            if !anchor.is_empty() && !to.is_some_and(|to| anchors(to).iter().any(|known| known == anchor)) {
                broken.push(format!("{}: {target} has no such heading", document.path));
            }
        }
    }
    assert_eq!(broken, [""; 0]);
}
