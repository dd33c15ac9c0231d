//! What the panel shows: the call that there is, the call that was, or this computer without a call.

use std::sync::{Arc, LazyLock};

use crate::{
    logic::{
        course::Stage,
        desk::{CallCard, EndedCard, Snapshot},
        evidence::Evidence,
        interfaces::InterfaceSeen,
        path::{InterfaceRow, PathReport},
        report::{CallReport, Sending},
    },
    ui::copy::panel as words,
};

static NO_PATH: LazyLock<PathReport> = LazyLock::new(PathReport::default);
static NO_EVIDENCE: LazyLock<Evidence> = LazyLock::new(Evidence::default);

/// Where it comes from. Whether it is another than before is seen without looking into it.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// No call: the addresses of this computer.
    Here(Arc<[InterfaceSeen]>),
    /// A call that there is.
    Live(Option<Arc<PathReport>>, Arc<Evidence>),
    /// A call that was.
    Over(Arc<CallReport>),
}

impl Source {
    /// It is the very same.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Here(network), Self::Here(other)) => Arc::ptr_eq(network, other),
            (Self::Live(path, evidence), Self::Live(other_path, other_evidence)) => {
                let is_same_path = match (path, other_path) {
                    (Some(path), Some(other)) => Arc::ptr_eq(path, other),
                    (None, None) => true,
                    (None, Some(_)) | (Some(_), None) => false,
                };
                is_same_path && Arc::ptr_eq(evidence, other_evidence)
            }
            (Self::Over(report), Self::Over(other)) => Arc::ptr_eq(report, other),
            (Self::Here(_) | Self::Live(..) | Self::Over(_), _) => false,
        }
    }

    /// The account of the path.
    pub(super) fn path(&self) -> &PathReport {
        match self {
            Self::Here(_) => &NO_PATH,
            Self::Live(path, _) => path.as_deref().unwrap_or(&NO_PATH),
            Self::Over(report) => &report.path,
        }
    }

    /// The addresses of this computer: as the call found them, or as they are.
    pub(super) fn interfaces(&self) -> Vec<InterfaceRow> {
        match self {
            Self::Here(network) => network.iter().map(InterfaceRow::from).collect(),
            Self::Live(..) | Self::Over(_) => self.path().interfaces.clone(),
        }
    }

    /// What is known besides.
    pub(super) fn evidence(&self) -> &Evidence {
        match self {
            Self::Here(_) => &NO_EVIDENCE,
            Self::Live(_, evidence) => evidence,
            Self::Over(report) => &report.evidence,
        }
    }
}

/// What the panel shows.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub source: Source,
    /// Which call; nothing where there is none.
    pub call: Option<String>,
    pub heading: &'static str,
    pub sending: Option<Sending>,
    pub code: Option<&'a str>,
    /// It was taken, and media flows or shall.
    pub is_connected: bool,
    /// There is a call, or was one.
    pub has_call: bool,
    /// It is over, and its report can be saved where it has been written.
    pub can_save: Option<bool>,
}

impl<'a> Subject<'a> {
    /// Of that snapshot.
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        match (&snapshot.call, &snapshot.ended) {
            (Some(call), _) => Self::live(call),
            (None, Some(ended)) => Self::over(ended, &snapshot.network),
            (None, None) => Self {
                source: Source::Here(snapshot.network.clone()),
                call: None,
                heading: words::HEADING_HERE,
                sending: None,
                code: None,
                is_connected: false,
                has_call: false,
                can_save: None,
            },
        }
    }

    fn live(call: &'a CallCard) -> Self {
        Self {
            source: Source::Live(call.path.clone(), call.evidence.clone()),
            call: Some(call.call.to_string()),
            heading: words::HEADING,
            sending: call.sending,
            code: call.code.as_deref(),
            is_connected: matches!(call.stage, Stage::Connecting | Stage::Connected | Stage::Reconnecting),
            has_call: true,
            can_save: None,
        }
    }

    fn over(ended: &'a EndedCard, network: &Arc<[InterfaceSeen]>) -> Self {
        let report = ended.report.clone();
        Self {
            call: report.as_ref().map(|report| report.call.clone()),
            can_save: Some(report.is_some()),
            source: report.map_or_else(|| Source::Here(network.clone()), Source::Over),
            heading: words::HEADING_OVER,
            sending: None,
            code: None,
            is_connected: false,
            has_call: true,
        }
    }

    /// The account of the path.
    pub(super) fn path(&self) -> &PathReport {
        self.source.path()
    }

    /// What is known besides.
    pub(super) fn evidence(&self) -> &Evidence {
        self.source.evidence()
    }

    /// It runs.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.source, Source::Live(..))
    }
}
