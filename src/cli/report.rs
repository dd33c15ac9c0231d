//! Reports of calls as files: written after a call, and `sightline report`, which makes something readable of them.
//!
//! Whoever renders a report mostly means to show it to somebody, so addresses are masked unless it is said otherwise. A report
//! that `--report` writes is whole unless it is said otherwise: it stays here, and can be masked later.

use std::{
    fs::{self, File},
    io::Read as _,
    path::Path,
};

use anyhow::{Context as _, bail, ensure};
use serde_json::json;

use crate::logic::{
    proof::{Form, Found, MAX_BYTES, compare, read, render, render_both},
    redact::{self, ServerNames},
    report::CallReport,
};

use super::{
    Exit,
    args::{OutArgs, ReportArgs},
    tell::say,
};

/// Renders a report, or two of one call.
pub(super) fn run(args: &ReportArgs) -> anyhow::Result<Exit> {
    let found = open(&args.file)?;
    let other = match &args.with {
        Some(other) => Some(one_end(open(other)?, &found.report)),
        None => found.other,
    };
    let shown = |report: CallReport| {
        if args.full || report.path.redacted { report } else { redact::call(&report, ServerNames::Masked) }
    };
    let (report, other) = (shown(found.report), other.map(shown));
    let form = args.form();
    let text = match &other {
        Some(other) => {
            let comparison = compare(&report, other)?;
            render_both(&report, other, &comparison, form)
        }
        None => render(&report, form),
    };
    match &args.out {
        None => say(text.trim_end()),
        Some(out) => {
            for source in [Some(&args.file), args.with.as_ref()].into_iter().flatten() {
                ensure!(
                    !is_same(source, out),
                    "{} is a report itself, and would be written over; choose another name for --out",
                    out.display()
                );
            }
            fs::write(out, text).with_context(|| cannot_write(out))?;
        }
    }
    Ok(Exit::Fine)
}

/// Of a file with both ends the one that is missing.
fn one_end(found: Found, has: &CallReport) -> CallReport {
    match found.other {
        Some(other) if found.report.role == has.role => other,
        Some(_) | None => found.report,
    }
}

fn open(path: &Path) -> anyhow::Result<Found> {
    let what = || format!("{} cannot be read", path.display());
    let about = fs::metadata(path).with_context(what)?;
    // Reading anything else may wait for ever.
    if !about.is_file() {
        bail!("{} is not a file; choose the file of a report", path.display());
    }
    let mut bytes = Vec::new();
    // One byte more than is taken, so that what is too long can be told from what just fits.
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).with_context(what)?.take(most).read_to_end(&mut bytes).with_context(what)?;
    read(&bytes).with_context(|| format!("{} is no report that can be used", path.display()))
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

fn cannot_write(path: &Path) -> String {
    format!("the report cannot be written to {}", path.display())
}

/// Finds out before anybody is rung that a report could not be written.
pub(super) fn check(out: &OutArgs) -> anyhow::Result<()> {
    let Some(path) = &out.report else { return Ok(()) };
    fs::OpenOptions::new().create(true).append(true).open(path).with_context(|| cannot_write(path))?;
    Ok(())
}

/// Writes the report of a call where that was asked for, in the form that the name of the file asks for.
pub(super) fn write(report: &CallReport, out: &OutArgs) -> anyhow::Result<()> {
    let Some(path) = &out.report else { return Ok(()) };
    fs::write(path, render(&to_write(report, out), form_of(path))).with_context(|| cannot_write(path))
}

/// Writes the reports of both ends into one file.
pub(super) fn write_both(
    caller: Option<&CallReport>,
    callee: Option<&CallReport>,
    out: &OutArgs,
) -> anyhow::Result<()> {
    let Some(path) = &out.report else { return Ok(()) };
    let (caller, callee) =
        (caller.map(|report| to_write(report, out)), callee.map(|report| to_write(report, out)));
    let text = match (form_of(path), &caller, &callee) {
        (form @ (Form::Text | Form::Html | Form::Dump), Some(caller), Some(callee)) => {
            render_both(caller, callee, &compare(caller, callee)?, form)
        }
        (form @ (Form::Text | Form::Html | Form::Dump), Some(alone), None)
        | (form @ (Form::Text | Form::Html | Form::Dump), None, Some(alone)) => render(alone, form),
        (Form::Json, _, _) | (_, None, None) => {
            serde_json::to_string_pretty(&json!({ "caller": caller, "callee": callee }))? + "\n"
        }
    };
    fs::write(path, text).with_context(|| cannot_write(path))
}

/// The report as it is to be written: masked, where that was asked for.
fn to_write(report: &CallReport, out: &OutArgs) -> CallReport {
    if out.redact { redact::call(report, ServerNames::Masked) } else { report.clone() }
}

fn form_of(path: &Path) -> Form {
    Form::of_file(&path.file_name().unwrap_or_default().to_string_lossy())
}

impl ReportArgs {
    /// What was asked for; otherwise what the name of the file asks for that is written; otherwise words.
    fn form(&self) -> Form {
        let asked = [
            (self.html, Form::Html),
            (self.json, Form::Json),
            (self.dump, Form::Dump),
            (self.text, Form::Text),
        ];
        let asked = asked.into_iter().find_map(|(is_asked, form)| is_asked.then_some(form));
        asked.unwrap_or_else(|| self.out.as_deref().map_or(Form::Text, form_of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::args::{Action, Args},
        logic::{
            course::{EndReason, Role, Step},
            interfaces::{Flags, judge},
            legs::LegWhy,
            path::{Path as CallPath, PathPolicy},
        },
    };
    use clap::Parser as _;

    fn out(arguments: &[&str]) -> OutArgs {
        let arguments = ["sightline", "demo"].iter().chain(arguments);
        let Some(Action::Demo { out }) = Args::parse_from(arguments).action else {
            panic!("the demo was asked for")
        };
        out
    }

    fn form(arguments: &[&str]) -> Form {
        let arguments = ["sightline", "report", "a.json"].iter().chain(arguments);
        let Some(Action::Report(args)) = Args::parse_from(arguments).action else {
            panic!("a report was asked for")
        };
        args.form()
    }

    fn report() -> CallReport {
        let mut path = CallPath::new(PathPolicy::Any);
        let up = Flags { up: true, ..Flags::default() };
        path.note_interfaces(0, vec![judge("eth0", up, "192.168.1.7".parse().unwrap())]);
        path.note_leg_opened(0, 1, LegWhy::First, false);
        path.note_local(
            5,
            1,
            "candidate:1 1 udp 1 203.0.113.7 40000 typ srflx raddr 192.168.1.7 rport 40000",
        );
        path.note_remote(6, 1, "candidate:1 1 udp 1 2001:db8::7 40000 typ host");
        path.note_end(7, EndReason::ConnectFailed(Step::Checks));
        let mut report = CallReport::begin("00".into(), Role::Caller, 7);
        report.path = path.report();
        report
    }

    #[test]
    fn a_report_reads_back_as_it_was_written() {
        let folder = std::env::temp_dir().join(format!("sightline-report-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("r.json");
        write(&report(), &out(&["--report", file.to_str().unwrap()])).unwrap();
        assert!(fs::read_to_string(&file).unwrap().contains("192.168.1.7"));
        assert_eq!(open(&file).unwrap().report, report());
        let page = folder.join("r.html");
        write(&report(), &out(&["--report", page.to_str().unwrap(), "--redact"])).unwrap();
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.starts_with("<!doctype html>") && !text.contains("192.168.1.7"));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_redacted_report_holds_no_address_and_reads_back() {
        let written = render(&to_write(&report(), &out(&["--report", "r.json", "--redact"])), Form::Json);
        for literal in ["192.168.1.7", "203.0.113.7", "2001:db8::7", "40000", "eth0"] {
            assert!(!written.contains(literal), "{literal} in {written}");
        }
        assert!(read(written.as_bytes()).unwrap().report.path.redacted);
    }

    #[test]
    fn what_is_asked_for_goes_before_the_name_of_the_file() {
        assert_eq!(form(&[]), Form::Text);
        assert_eq!(form(&["--out", "x.html"]), Form::Html);
        assert_eq!(form(&["--out", "x.html", "--dump"]), Form::Dump);
        assert_eq!(form(&["--json"]), Form::Json);
        assert!(Args::try_parse_from(["sightline", "report", "a.json", "--json", "--html"]).is_err());
        assert!(Args::try_parse_from(["sightline", "report"]).is_err());
    }
}
