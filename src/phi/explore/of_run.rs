//! The pages of the networks of a run, in a folder beside its report.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use super::{Library, PageStates, THREE, Theories, USUALLY_ALL, made};
use crate::engine::exact::{
    CheckedNetwork, Engine, NetworkRecord, OwnNetwork, Scope, TiePolicy, rules,
};
use crate::error::Error;
use crate::files::append::{check_ours, is_folder, make_folder, write_whole};
use crate::model::key::Key;
use crate::model::network::Network;
use crate::report::{Links, Report};
use crate::run::row::Row;
use crate::run::store::Contents;
use crate::suite::Formalism;

/// The folder of the pages, in that of the run.
const FOLDER: &str = "explore";

/// The most that all pages of a run take, in bytes. The first network whose page does not fit has
/// none, nor have those behind it.
const LARGEST_FOLDER: usize = 100_000_000;

/// The mark of a page that this program wrote.
const OURS: &str = "<meta name=\"generator\" content=\"phi explore\">";

/// Checks that the folder of the pages holds nothing else that would be overwritten.
///
/// # Errors
/// [`Error::Output`]; [`Error::Read`].
pub fn check_folder(run: &Path) -> Result<(), Error> {
    let folder = run.join(FOLDER);
    let unread = |source| Error::Read { path: folder.clone(), source };
    if !is_folder(&folder)? {
        return Ok(());
    }
    for entry in fs::read_dir(&folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        match path.extension().and_then(|it| it.to_str()) {
            Some("html") => check_ours(&path, |text| text.contains(OURS))?,
            _ if path.ends_with(Library::FILE) => check_ours(&path, Library::is_ours)?,
            _ => {}
        }
    }
    Ok(())
}

/// Writes a page for each network of the rows that a report lists: with all states of up to 5
/// units; of more units, one for each state of a row. The links to them are for the report.
/// `told` is called with the number of pages that are done, and that of all. A network that cannot
/// be analysed here, or is too large for a page, has none, which is said.
///
/// # Errors
/// [`Error::Interrupted`]; [`Error::Internal`]; [`Error::Write`].
pub fn of_run(
    engine: &Engine,
    run: &Path,
    contents: &Contents,
    told: &dyn Fn(u64, u64),
) -> Result<Links, Error> {
    within(run, contents, told, LARGEST_FOLDER, &|asked| asked.page(engine))
}

/// The same with at most so many bytes, and pages that are made so.
fn within(
    run: &Path,
    contents: &Contents,
    told: &dyn Fn(u64, u64),
    most: usize,
    page: &dyn Fn(&PageSubject) -> Result<String, Error>,
) -> Result<Links, Error> {
    let folder = run.join(FOLDER);
    make_folder(&folder)?;
    write_whole(&folder.join(Library::FILE), THREE)?;
    // The problems of each page, and what it is about. In the order of the rows.
    let mut pages: Vec<(String, PageSubject)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut links = BTreeMap::new();
    for part in contents.by_formalism() {
        for (row, entry) in part.rows.iter().zip(&part.entries).take(Report::ROWS) {
            let asked = PageSubject::new(contents, row);
            let state = asked.network.state();
            let at = *known.entry(asked.identity()).or_insert_with(|| {
                pages.push((asked.file_name(), asked));
                pages.len() - 1
            });
            let link = format!("{FOLDER}/{}#{state}", pages[at].0);
            links.insert(entry.problem, (at, link));
        }
    }
    let (mut bytes, mut is_there) = (THREE.len(), vec![false; pages.len()]);
    let mut refused = Vec::new();
    for (at, (name, asked)) in pages.iter().enumerate() {
        told(at as u64, pages.len() as u64);
        let html = match page(asked) {
            Ok(html) => html,
            // The others have theirs.
            Err(error @ (Error::Network { .. } | Error::Memory { .. } | Error::Settings(_))) => {
                refused.push(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        // Those behind it are not computed either: they would be thrown away.
        if html.len() > most - bytes {
            break;
        }
        bytes += html.len();
        write_whole(&folder.join(name), html)?;
        is_there[at] = true;
    }
    let n_pages = is_there.iter().filter(|it| **it).count();
    let mut left_out = match pages.len() - n_pages - refused.len() {
        0 => String::new(),
        n => format!(" {n} more have none: all pages take at most {most} bytes."),
    };
    if let Some(first) = refused.first() {
        left_out += &format!(" {} cannot have one, the first of them: {first}.", refused.len());
    }
    Ok(Links {
        of: links
            .into_iter()
            .filter(|(_, (at, _))| is_there[*at])
            .map(|(problem, (_, link))| (problem, link))
            .collect(),
        said: format!(
            "The first column leads to {n_pages} pages, on each of which the units of a network \
             can be switched and its structures looked at, in the folder {FOLDER}: {:.1} MB in \
             all.{left_out}",
            bytes as f64 / 1e6
        ),
    })
}

/// The subject of a page.
struct PageSubject {
    network: Network,
    /// The first row that asks for it.
    key: Key,
    /// The theories of the run; of several versions of IIT 4.0 the one of the row.
    iit3: bool,
    iit4: Option<Formalism>,
}

impl PageSubject {
    fn new(contents: &Contents, row: &Row) -> PageSubject {
        let suite = &contents.suite;
        let position = suite.position(row.key).expect("a row of the suite");
        let formalisms = &suite.settings().formalisms;
        let its = row.key.case.map(|it| it.formalism).or(suite.settings().formalism());
        let iit4 = its.filter(|it| it.is_iit4());
        PageSubject {
            network: suite.network(&suite.comparisons()[position]).clone(),
            key: row.key,
            iit3: formalisms.contains(&Formalism::Iit3),
            iit4: iit4.or_else(|| formalisms.iter().copied().find(|it| it.is_iit4())),
        }
    }

    /// Returns the name of the network for people.
    fn name(&self) -> String {
        let name = format!("{} n = {}", self.key.network(), self.key.n);
        match self.key.case.and_then(|it| it.rule) {
            Some(rule) => format!("{name}, {}", rule.code()),
            None => name,
        }
    }

    fn has_all_states(&self) -> bool {
        1 << self.network.n_units() <= USUALLY_ALL
    }

    /// The same for the same page, and for no other one.
    fn identity(&self) -> String {
        let mut identity = format!("{}-{:016x}", self.network.n_units(), self.network.content());
        if !self.has_all_states() {
            identity += &format!("-{}", self.network.state());
        }
        if let Some(it) = self.iit4 {
            identity += &format!("-{it}");
        }
        identity
    }

    fn file_name(&self) -> String {
        format!("{}-{}.html", self.key.network(), self.identity())
    }

    /// The page.
    fn page(&self, engine: &Engine) -> Result<String, Error> {
        let rules = self.iit4.and_then(|it| rules(it, TiePolicy::Principled));
        let theories = Theories { iit3: self.iit3, iit4: rules };
        let name = self.name();
        let refuse = |message: String| Error::Network { place: name.clone(), message };
        let state = self.network.state().values();
        let record = NetworkRecord {
            name: Some(name.clone()),
            tpm: self.network.tpm(),
            cm: self.network.connectivity(),
            state: state.clone(),
            nodes: None,
            labels: None,
            alphabet: None,
            values: None,
        };
        let asked = rules.filter(|_| !self.iit3);
        let network = CheckedNetwork::new(record, Scope::System, asked)
            .and_then(|it| OwnNetwork::new(&it, &state, Scope::System, asked))
            .map_err(|it| refuse(it.message))?;
        let which = if self.has_all_states() { PageStates::All } else { PageStates::Given };
        let (library, told) = (Library::Beside, |_, _| {});
        let made = made(engine, &network, theories, Some(which), &name, library, &told)?;
        Ok(made.html)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::fixtures::{finish, suite, temporary};
    use crate::run::store::RunFolder;

    #[test]
    fn what_does_not_fit_has_no_page_and_no_link() {
        let (folder, suite) = (temporary(), suite());
        let mut run = RunFolder::open(&folder.path().join("run"), &suite).unwrap();
        finish(&mut run, &suite);
        let contents = run.contents();
        let engine = Engine::new(1, Default::default()).unwrap();
        let all = of_run(&engine, folder.path(), contents, &|_, _| {}).unwrap();
        let files = || fs::read_dir(folder.path().join(FOLDER)).unwrap().flatten();
        let bytes: u64 = files().map(|it| it.metadata().unwrap().len()).sum();
        let n_pages = files().count() - 1;
        assert!(n_pages > 1 && all.said.contains(&format!("leads to {n_pages} pages")));
        fs::remove_dir_all(folder.path().join(FOLDER)).unwrap();
        let most = usize::try_from(bytes).unwrap() - 1;
        let page = |asked: &PageSubject| asked.page(&engine);
        let some = within(folder.path(), contents, &|_, _| {}, most, &page).unwrap();
        assert_eq!(files().count(), n_pages);
        assert!(some.said.contains("1 more have none"), "{}", some.said);
        assert!(some.of.len() < all.of.len());
        // Nothing is computed behind the first page that does not fit.
        let n_told = Cell::new(0);
        let told = |_, _| n_told.set(n_told.get() + 1);
        let none = within(folder.path(), contents, &told, THREE.len(), &page).unwrap();
        assert!(none.said.contains(&format!("{n_pages} more have none")), "{}", none.said);
        assert!(none.of.is_empty() && n_told.get() == 1);
        // A network that cannot be analysed takes no other one's page away.
        let first = Cell::new(true);
        let page = |asked: &PageSubject| match first.replace(false) {
            true => Err(Error::Network { place: asked.name(), message: "too large".to_owned() }),
            false => asked.page(&engine),
        };
        fs::remove_dir_all(folder.path().join(FOLDER)).unwrap();
        let others = within(folder.path(), contents, &|_, _| {}, LARGEST_FOLDER, &page).unwrap();
        assert_eq!(files().count(), n_pages);
        assert!(others.said.contains(" 1 cannot have one, the first of them: "), "{}", others.said);
        assert!(others.said.ends_with(": too large.") && others.of.len() < all.of.len());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_taken_for_the_folder() {
        let folder = temporary();
        check_folder(folder.path()).unwrap();
        let pages = folder.path().join(FOLDER);
        for target in [FOLDER, "."] {
            std::os::unix::fs::symlink(target, &pages).unwrap();
            let error = check_folder(folder.path()).unwrap_err();
            assert!(matches!(&error, Error::Output { path, .. } if *path == pages), "{error}");
            fs::remove_file(&pages).unwrap();
        }
    }
}
