//! The cage of a service: a process that takes away its own right to reach what the service must
//! not, and then becomes the service's program: same process, same pid, so that it is recognised
//! and ended like any other.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rialto_delivery_cage::{
    IsolationMode, Reach, Verdict, close_inherited, give_up, kernel_abi, openable, own_program,
    verdict,
};
use serde::{Deserialize, Serialize};

use crate::limits::ServiceLimits;

/// What services are kept from, by whom, and how much they may use.
#[derive(Debug, Clone)]
pub struct ServiceCage {
    /// Folders and files no service may read, list or write; its own folders inside them stay open
    /// to it.
    pub hidden: Vec<PathBuf>,
    /// Program and arguments of the process that becomes the service; see [`serve_cage`].
    pub program: Vec<OsString>,
    /// What each service may use at most.
    pub limits: ServiceLimits,
    mode: IsolationMode,
    writable: Vec<PathBuf>,
    /// Landlock's version here.
    abi: u8,
}

/// What a cage is told: its only argument.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    mode: IsolationMode,
    reach: Reach,
    words: Vec<OsString>,
}

/// The folders of a slot that its service may use.
pub(crate) struct Open<'a> {
    /// The unpacked archive, for reading.
    pub(crate) release: &'a Path,
    /// For writing.
    pub(crate) home: &'a Path,
    /// For writing; also in the place of `/tmp` and the like, where the cage may mount.
    pub(crate) temporary: &'a Path,
    /// Files the service's output goes to: it may open them again by their names in `/proc`.
    pub(crate) logs: [&'a Path; 2],
}

impl ServiceCage {
    /// The cages of this very program's `service-cage`, hiding these paths.
    ///
    /// # Errors
    /// When this program cannot be started again: `/proc` is not there.
    pub fn new(mode: IsolationMode, hidden: Vec<PathBuf>) -> io::Result<Self> {
        Ok(Self {
            hidden,
            program: vec![own_program()?, "service-cage".into()],
            limits: ServiceLimits::default(),
            mode,
            writable: Vec::new(),
            abi: match mode {
                IsolationMode::Off => 0,
                _ => kernel_abi(),
            },
        })
    }

    /// Lets every service write to these paths too, but for what is hidden in there.
    ///
    /// # Errors
    /// With a sentence when a path does not exist, is hidden, or leads to the program that is
    /// running, which a service could then replace.
    pub fn allow_writing(&mut self, paths: &[PathBuf]) -> Result<(), String> {
        self.writable = paths
            .iter()
            .map(|path| openable(path, &self.hidden, "services"))
            .collect::<Result<_, _>>()?;
        Ok(())
    }

    /// What services are not kept from here, if anything: for the server's log.
    pub(crate) fn warning(&self) -> Option<String> {
        if self.mode == IsolationMode::Off {
            return None;
        }
        match verdict(self.abi, self.mode, "service") {
            Verdict::Full => None,
            Verdict::Partial(why) | Verdict::None(why) | Verdict::Refused(why) => Some(why),
        }
    }

    /// The words that start a service by its cage.
    ///
    /// # Errors
    /// With a sentence when isolation is required and this kernel has not all of it.
    pub(crate) fn words(
        &self,
        service: Vec<OsString>,
        open: &Open<'_>,
    ) -> Result<Vec<OsString>, String> {
        if self.mode != IsolationMode::Off
            && let Verdict::Refused(why) = verdict(self.abi, self.mode, "service")
        {
            return Err(why);
        }
        let mut writable = vec![open.home.to_owned(), open.temporary.to_owned()];
        writable.extend(open.logs.map(Path::to_owned));
        let order = Order {
            mode: self.mode,
            reach: Reach {
                hidden: self.hidden.clone(),
                writable,
                named: self.writable.clone(),
                temporary: Some(open.temporary.to_owned()),
                readable: vec![open.release.to_owned()],
                pipes: Vec::new(),
                switches_user: false,
            },
            words: service,
        };
        let order = serde_json::to_string(&order).map_err(|e| e.to_string())?;
        let mut words = self.program.clone();
        words.push(order.into());
        Ok(words)
    }
}

/// Becomes the service that the argument of a cage describes: in a session of its own, without
/// files that others left open, restricted; the body of `rialto service-cage`. What is not in force
/// is told on the standard error, which is the service's log.
///
/// # Errors
/// With a sentence when the service cannot be isolated as told, or its program not be started; it
/// does not run then.
pub fn serve_cage(order: &OsStr) -> Result<Infallible, String> {
    let order: Order = order
        .to_str()
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or("`service-cage` is started by the server only")?;
    close_inherited().map_err(|e| format!("files left open by others cannot be closed: {e}"))?;
    // The leader of a session already: started by hand.
    let _led = nix::unistd::setsid();
    if order.mode != IsolationMode::Off {
        restrict(&order)?;
    }
    let (program, arguments) = order.words.split_first().ok_or("no program to start")?;
    let error = Command::new(program).args(arguments).exec();
    Err(format!("cannot start {}: {error}", program.display()))
}

fn restrict(order: &Order) -> Result<(), String> {
    let restricted =
        give_up(&order.reach).map_err(|e| format!("the service cannot be isolated: {e}"))?;
    match verdict(restricted.abi, order.mode, "service") {
        Verdict::Refused(why) => return Err(why),
        Verdict::None(why) | Verdict::Partial(why) => eprintln!("warning: {why}"),
        Verdict::Full => {}
    }
    for folder in restricted.closed {
        eprintln!(
            "warning: {} cannot be listed by the server: what is in it is closed to this service",
            folder.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Open<'static> {
        let path = Path::new("/nowhere");
        Open {
            release: path,
            home: path,
            temporary: path,
            logs: [path, path],
        }
    }

    #[test]
    fn where_the_kernel_has_no_landlock_a_service_starts_only_if_it_is_not_required() {
        let mut cage = ServiceCage::new(IsolationMode::Landlock, Vec::new()).unwrap();
        cage.abi = 0;
        assert!(cage.words(vec!["service".into()], &open()).is_ok());
        let warning = cage.warning().unwrap();
        assert!(
            warning.starts_with("this service is not isolated"),
            "{warning}"
        );
        cage.mode = IsolationMode::Required;
        let why = cage.words(vec!["service".into()], &open()).unwrap_err();
        assert!(why.starts_with("isolation is required"), "{why}");
        cage.mode = IsolationMode::Off;
        assert!(cage.words(vec!["service".into()], &open()).is_ok());
        assert_eq!(cage.warning(), None);
    }

    #[test]
    fn what_is_no_order_is_refused() {
        let why = serve_cage(OsStr::new("{}")).unwrap_err();
        assert!(why.contains("by the server only"), "{why}");
    }
}
