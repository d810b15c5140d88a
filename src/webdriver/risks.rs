//! What a user should know about the machine before browsers open on it; said once, by `commands`.

use super::products::BrowserSettings;
use super::user;

/// A risk of opening these browsers here, each with its remedy.
#[must_use]
pub fn risks<'a>(browsers: impl Iterator<Item = &'a BrowserSettings>) -> Vec<String> {
    let local: Vec<&BrowserSettings> = browsers.filter(|browser| browser.webdriver.is_none()).collect();
    of(&local, user::is_root(), &user::others())
}

fn of(local: &[&BrowserSettings], root: bool, others: &[String]) -> Vec<String> {
    let mut risks = Vec::new();
    let bare = local.iter().filter(|browser| root && !browser.kind.product().runs_sandboxed_as_root);
    let mut bare: Vec<&str> = bare.map(|browser| browser.name.as_str()).collect();
    bare.dedup();
    if !bare.is_empty() {
        risks.push(format!(
            "as root {} without a sandbox (for Chromium --no-sandbox), so code that escapes a page runs as root: run \
             gpujobs as an ordinary user where pages, models or libraries are not your own",
            runs(&bare)
        ));
    }
    if !local.is_empty() && !others.is_empty() {
        risks.push(format!(
            "{} processes on this machine: while a browser is open its driver listens on a port, and any local user who \
             finds the port can start programs as you; SECURITY.md says how to keep it to yourself",
            has(others)
        ));
    }
    risks
}

fn runs(names: &[&str]) -> String {
    let verb = if names.len() == 1 { "runs" } else { "run" };
    format!("{} {verb}", names.join(", "))
}

/// At most three of them by name.
fn has(users: &[String]) -> String {
    match users {
        [user] => format!("another user, {user}, has"),
        [users @ .., last] if users.len() < 3 => format!("other users, {} and {last}, have", users.join(", ")),
        users => format!("other users, {} and {} more, have", users[..2].join(", "), users.len() - 2),
    }
}

#[cfg(test)]
mod tests {
    use super::super::products::BrowserKind;
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn each_risk_is_there_only_where_it_is_one() {
        let [chrome, firefox] = [BrowserKind::Chrome, BrowserKind::Firefox].map(BrowserSettings::of);
        assert!(of(&[&chrome, &firefox], false, &[]).is_empty());
        assert!(of(&[&firefox], true, &[]).is_empty());
        assert!(of(&[], true, &names(&["eve"])).is_empty(), "nothing opens here");
        let both = of(&[&chrome, &firefox], true, &names(&["eve"]));
        assert!(both[0].starts_with("as root chrome runs without a sandbox"), "{both:?}");
        assert!(both[1].starts_with("another user, eve, has processes on this machine"), "{both:?}");
        let mut remote = chrome.clone();
        remote.webdriver = Some("http://localhost:4444".parse().unwrap());
        assert!(risks([&remote].into_iter()).is_empty());
    }

    #[test]
    fn few_users_are_named_and_many_counted() {
        assert_eq!(has(&names(&["a", "b"])), "other users, a and b, have");
        assert_eq!(has(&names(&["a", "b", "c"])), "other users, a, b and c, have");
        assert_eq!(has(&names(&["a", "b", "c", "d"])), "other users, a, b and 2 more, have");
    }
}
