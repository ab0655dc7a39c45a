//! One print run: its files, its papers, and how it ended.

use super::Desk;
use super::jobs::{Outcome, Step};
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use super::print::{RunView, SHOWN, Turned, back, counted, thousands};
use crate::admit::number::CardNumber;
use crate::office::{Action, OfficeError, PrintBegun, PrintJob, PrintStep};
use crate::shell::door;
use crate::shell::paper::stack::Layout;
use crate::shell::store::StoreError;
use crate::shell::store::office::prints::{self, Ending, Run};
use crate::shell::store::sql::Connection;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

impl Desk {
    /// Begins to make the files of a run; answers where to see how far it is.
    pub(super) fn make_files(&self, clerk: &SignedIn, layout: Layout, begun: &PrintBegun) -> String {
        let (run, papers, too_large) = (begun.run, begun.papers, begun.too_large);
        let mut job = PrintJob::of(run);
        self.begin(clerk, "print", format!("Druck {run}: {}", counted(papers, layout)), move |office| {
            Ok(match job.step(office, door::now())? {
                PrintStep::More(done, of) => Step::More { done, of },
                PrintStep::Later(done, of) => Step::Later { done, of },
                PrintStep::Made { left_out, differs } => {
                    let mut words = format!("{} fertig zum Drucken.", if papers == 1 { format!("{} ist", counted(1, layout)) } else { format!("{} sind", counted(papers - left_out.min(papers), layout)) });
                    if left_out > 0 {
                        words += &format!(" {} nicht mehr herzustellen: Die Daten sind gelöscht, oder der Code ist benutzt oder abgelaufen.", if left_out == 1 { "Eines ist".to_owned() } else { format!("{left_out} sind") });
                    }
                    if too_large > 0 {
                        words += &format!(
                            " {} mehr, als in lesbarer Größe auf eine Scheckkarte passt, und warten weiter: bitte als Brief drucken.",
                            if too_large == 1 { "Eine Karte trägt".to_owned() } else { format!("{} Karten tragen", thousands(too_large)) }
                        );
                    }
                    if differs {
                        words += " Die Blätter sind anders gesetzt als beim ersten Mal, weil das Programm erneuert wurde; Codes und Nummern sind dieselben.";
                    }
                    Step::Done(Outcome { words, links: vec![(format!("/print/{run}"), format!("Zum Druck {run}"))] })
                }
            })
        })
    }
}

struct FileView {
    place: String,
    title: String,
    size: Option<String>,
}

struct PaperView {
    place: u64,
    what: String,
    link: String,
}

#[derive(Template)]
#[template(path = "office/print-run.html")]
struct RunPage {
    frame: Frame,
    run: RunView,
    /// The address of what is done with this run.
    at: String,
    open: bool,
    may: bool,
    complete: bool,
    is_slips: bool,
    files: Vec<FileView>,
    papers: Vec<PaperView>,
    before: Option<u64>,
    after: Option<u64>,
}

pub(super) async fn one(
    State(desk): State<Desk>,
    clerk: SignedIn,
    Path(number): Path<u32>,
    Query(turned): Query<Turned>,
    Query(done): Query<Done>,
) -> Page {
    let frame = Frame::new(&desk, &clerk, "print").after(done.done.as_deref());
    let skip = turned.skip.unwrap_or(0);
    let page = desk.look(move |db| look_at_run(db, frame, number, skip)).await.map_err(back)?;
    show(&page.ok_or_else(nothing)?)
}

fn nothing() -> Fault {
    back(Fault::new(StatusCode::NOT_FOUND, "Das gibt es hier nicht", "Bitte in der Liste der Drucke nachsehen."))
}

fn look_at_run(db: &Connection, frame: Frame, number: u32, skip: u64) -> Result<Option<RunPage>, StoreError> {
    let Some(run) = prints::run(db, number)? else { return Ok(None) };
    let is_slips = run.layout == Layout::Slips;
    let at = if is_slips { format!("/print/slips/{number}") } else { format!("/print/{number}") };
    let files = prints::files(db, number)?;
    let made: u64 = files.iter().filter(|file| file.size.is_some()).map(|file| file.papers + file.left_out).sum();
    let several = files.len();
    let file = |file: prints::File| FileView {
        place: format!("{at}/files/{}", file.part),
        title: if several > 1 {
            format!("Datei {} von {several}: {}", file.part, counted(file.papers, run.layout))
        } else {
            counted(file.papers, run.layout)
        },
        size: file.size.map(file_size),
    };
    let mut items = prints::items(db, number, skip.saturating_add(1), SHOWN + 1)?;
    let after = (items.len() as u64 > SHOWN).then(|| skip.saturating_add(SHOWN));
    items.truncate(usize::try_from(SHOWN).unwrap_or(usize::MAX));
    let paper = |item: prints::Item| PaperView {
        place: item.place,
        what: item.card.map_or_else(|| "Anmeldezettel".to_owned(), |(token, ..)| format!("Karte {}", CardNumber::of(token))),
        link: format!("{at}/papers/{}", item.place),
    };
    Ok(Some(RunPage {
        may: frame.may(if is_slips { "reconcile" } else { "issue" }),
        open: run.ended.is_none(),
        complete: made >= run.papers,
        is_slips,
        files: files.into_iter().map(file).collect(),
        papers: items.into_iter().map(paper).collect(),
        before: (skip > 0).then_some(skip.saturating_sub(SHOWN)),
        after,
        run: RunView::of(&run),
        at,
        frame,
    }))
}

/// `PDF, 13,4 MB`.
fn file_size(bytes: u64) -> String {
    if bytes < 1_000_000 { format!("PDF, {} KB", bytes.div_ceil(1_000)) } else { format!("PDF, {},{} MB", bytes / 1_000_000, bytes / 100_000 % 10) }
}

impl Desk {
    /// The run, if it is one of slips or one of cards as asked for.
    async fn run_of(&self, number: u32, slips: bool) -> Result<Run, Fault> {
        let run = self.look(move |db| prints::run(db, number)).await?;
        run.filter(|run| (run.layout == Layout::Slips) == slips).ok_or_else(nothing)
    }

    async fn end(&self, clerk: SignedIn, number: u32, slips: bool, ending: Ending) -> Page {
        self.run_of(number, slips).await?;
        self.with(move |office| office.end_print(number, ending, &clerk.name, door::now())).await.map_err(back)?;
        Ok(go(if ending == Ending::Printed { "/print?done=printed" } else { "/print?done=discarded" }))
    }

    async fn make_again(&self, clerk: SignedIn, number: u32, slips: bool) -> Page {
        let run = self.run_of(number, slips).await?;
        let by = clerk.name.clone();
        self.with(move |office| office.note(&by, Action::Print, &format!("print/{number}"), "Dateien noch einmal erzeugt", door::now())).await?;
        Ok(go(&self.make_files(&clerk, run.layout, &PrintBegun { run: number, papers: run.papers, too_large: 0 })))
    }

    async fn hand_out(&self, clerk: SignedIn, (number, part): (u32, u32), slips: bool) -> Page {
        self.run_of(number, slips).await?;
        let bytes = self.with(move |office| {
            let bytes = prints::bytes(office.db(), number, part)?;
            if bytes.is_some() {
                office.note(&clerk.name, Action::Print, &format!("print/{number}"), &format!("Datei {part}"), door::now())?;
            }
            Ok::<_, OfficeError>(bytes)
        });
        let bytes = bytes.await?.ok_or_else(nothing)?;
        Ok(pdf(&format!("druck-{number}-{part}.pdf"), bytes))
    }

    async fn hand_out_one(&self, clerk: SignedIn, (number, place): (u32, u64), slips: bool) -> Page {
        self.run_of(number, slips).await?;
        let bytes = self.with(move |office| office.print_one(number, place, &clerk.name, door::now())).await.map_err(back)?;
        Ok(pdf(&format!("druck-{number}-blatt-{place}.pdf"), bytes))
    }
}

fn pdf(name: &str, bytes: Vec<u8>) -> axum::response::Response {
    let disposition = format!("inline; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, "application/pdf".to_owned()), (header::CONTENT_DISPOSITION, disposition)], bytes).into_response()
}

pub(super) async fn printed(State(desk): State<Desk>, clerk: SignedIn, Path(run): Path<u32>) -> Page {
    desk.end(clerk, run, false, Ending::Printed).await
}

pub(super) async fn discarded(State(desk): State<Desk>, clerk: SignedIn, Path(run): Path<u32>) -> Page {
    desk.end(clerk, run, false, Ending::Discarded).await
}

pub(super) async fn make(State(desk): State<Desk>, clerk: SignedIn, Path(run): Path<u32>) -> Page {
    desk.make_again(clerk, run, false).await
}

pub(super) async fn file(State(desk): State<Desk>, clerk: SignedIn, Path(which): Path<(u32, u32)>) -> Page {
    desk.hand_out(clerk, which, false).await
}

pub(super) async fn paper(State(desk): State<Desk>, clerk: SignedIn, Path(which): Path<(u32, u64)>) -> Page {
    desk.hand_out_one(clerk, which, false).await
}

pub(super) async fn slips_printed(State(desk): State<Desk>, clerk: SignedIn, Path(run): Path<u32>) -> Page {
    desk.end(clerk, run, true, Ending::Printed).await
}

pub(super) async fn slips_discarded(State(desk): State<Desk>, clerk: SignedIn, Path(run): Path<u32>) -> Page {
    desk.end(clerk, run, true, Ending::Discarded).await
}

pub(super) async fn make_slips(State(desk): State<Desk>, clerk: SignedIn, Path(run): Path<u32>) -> Page {
    desk.make_again(clerk, run, true).await
}

pub(super) async fn slips_file(State(desk): State<Desk>, clerk: SignedIn, Path(which): Path<(u32, u32)>) -> Page {
    desk.hand_out(clerk, which, true).await
}

pub(super) async fn slip(State(desk): State<Desk>, clerk: SignedIn, Path(which): Path<(u32, u64)>) -> Page {
    desk.hand_out_one(clerk, which, true).await
}
