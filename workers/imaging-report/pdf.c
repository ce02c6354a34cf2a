#include "workers/imaging-report/pdf.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "pacs/util/limits.h"
#include "workers/imaging-report/pages.h"
#include "workers/imaging-report/words.h"

#define INK                                                                                                  \
    {                                                                                                        \
        0.10, 0.12, 0.15, 1                                                                                  \
    }
#define GREY                                                                                                 \
    {                                                                                                        \
        0.40, 0.43, 0.47, 1                                                                                  \
    }

static const PagesColor rule_color = {0.72, 0.75, 0.79, 1};
static const PagesColor accent = {0.07, 0.31, 0.49, 1};
static const PagesColor notice_fill = {1.00, 0.95, 0.84, 1};

static const PagesStyle body = {.size = 10, .color = INK, .line_spacing = 1.15};
static const PagesStyle small = {.size = 7.5, .color = GREY};
static const PagesStyle label = {.size = 8, .color = GREY};
static const PagesStyle value = {.size = 9.5, .color = INK};
static const PagesStyle value_bold = {.size = 9.5, .color = INK, .is_bold = true};
static const PagesStyle heading = {.size = 11, .color = {0.07, 0.31, 0.49, 1}, .is_bold = true};
static const PagesStyle title_style = {.size = 15, .color = INK, .is_bold = true, .align = PAGES_CENTER};
static const PagesStyle organization_style = {.size = 12, .color = {0.07, 0.31, 0.49, 1}, .is_bold = true};
static const PagesStyle notice_style = {.size = 9, .color = INK, .is_bold = true};
static const PagesStyle notice_text = {.size = 9, .color = INK};
static const PagesStyle centered = {.size = 9, .color = GREY, .align = PAGES_CENTER};
static const PagesStyle centered_bold = {.size = 10, .color = INK, .is_bold = true, .align = PAGES_CENTER};
static const PagesStyle watermark = {.size = 110, .color = {0.75, 0.10, 0.10, 0.22}, .is_bold = true};

static const struct {
    double width, height;
} papers[] = {[REPORT_A4] = {595.276, 841.890}, [REPORT_LETTER] = {612, 792}};

/** What is drawn, twice: to count the pages, then to keep them. */
typedef struct Print {
    const ReportPdf *pdf;
    PacsArena *arena;
    uint32_t page_count; /* 0: not known yet */
} Print;

static const char *word(const Print *print, ReportWord which)
{
    return report_word(print->pdf->report->language, which);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static const char *name_of(const Print *print, const char *name)
{
    return report_person_name(print->pdf->report->language, name, print->arena);
}

static const char *title_of(const Print *print)
{
    return *print->pdf->report->title ? print->pdf->report->title : word(print, REPORT_WORD_REPORT);
}

/* ---- What stands on every page ---- */

static void draw_head(const Print *print, Pages *pages)
{
    const ReportStudy *study = print->pdf->study;
    const char *patient = pacs_arena_printf(print->arena, "%s  ·  %s", name_of(print, study->patient_name),
                                            study->patient_id);
    const PagesStyle right = {.size = small.size, .color = GREY, .align = PAGES_RIGHT};
    const double width = pages_width(pages);

    pages_draw_line(pages, &small, or_empty(patient), PAGES_MARGIN, 36, width * 0.6);
    pages_draw_line(pages, &right, title_of(print), PAGES_MARGIN + width * 0.6, 36, width * 0.4);
    pages_rule(pages, PAGES_MARGIN, 49, width, 0.5, rule_color);
}

static const char *version_text(const Print *print)
{
    const Report *report = print->pdf->report;

    if (print->pdf->is_draft)
        return word(print, REPORT_WORD_DRAFT);
    if (report->version == 0)
        return report->report_id;
    return or_empty(pacs_arena_printf(print->arena, "%s, %s %llu", report->report_id,
                                      word(print, REPORT_WORD_VERSION), (unsigned long long)report->version));
}

static void draw_foot(const Print *print, Pages *pages)
{
    const double y = pages->setup.height - PAGES_BOTTOM + 16;
    const double width = pages_width(pages);
    const PagesStyle right = {.size = small.size, .color = GREY, .align = PAGES_RIGHT};
    const char *count = pacs_arena_printf(print->arena, "%s %u/%u", word(print, REPORT_WORD_PAGE),
                                          pages->number, print->page_count);

    pages_rule(pages, PAGES_MARGIN, y - 5, width, 0.5, rule_color);
    pages_draw_line(pages, &small, version_text(print), PAGES_MARGIN, y, width * 0.8);
    pages_draw_line(pages, &small, print->pdf->study->study_instance_uid, PAGES_MARGIN, y + 10, width);
    pages_draw_line(pages, &right, or_empty(count), PAGES_MARGIN + width * 0.8, y, width * 0.2);
}

static void decorate(void *context, Pages *pages)
{
    const Print *print = context;

    if (pages->number > 1)
        draw_head(print, pages);
    draw_foot(print, pages);
    if (print->pdf->is_draft)
        pages_watermark(pages, &watermark, word(print, REPORT_WORD_DRAFT));
}

/* ---- The head of the first page ---- */

static void put_letterhead(const Print *print, Pages *pages)
{
    const ReportLayout *layout = print->pdf->layout;

    if (!*layout->organization)
        return;
    pages_flow(pages, &organization_style, layout->organization);
    if (*layout->address)
        pages_flow(pages, &label, layout->address);
    pages_rule(pages, PAGES_MARGIN, pages->y + 4, pages_width(pages), 1.2, accent);
    pages->y += 14;
}

static void put_notice(const Print *print, Pages *pages, const char *text, const char *more)
{
    const double width = pages_width(pages) - 16;
    const double text_height = pages_measure(pages, &notice_style, text, width);
    const double height = text_height + (*more ? pages_measure(pages, &notice_text, more, width) + 2 : 0) +
                          12;

    (void)print;
    pages_need(pages, height);
    pages_box(pages, PAGES_MARGIN, pages->y, pages_width(pages), height, notice_fill);
    pages_draw(pages, &notice_style, text, PAGES_MARGIN + 8, pages->y + 6, width);
    if (*more)
        pages_draw(pages, &notice_text, more, PAGES_MARGIN + 8, pages->y + 8 + text_height, width);
    pages->y += height + 8;
}

static void put_notices(const Print *print, Pages *pages)
{
    const Report *report = print->pdf->report;
    const char *reason = "";

    if (print->pdf->is_draft)
        put_notice(print, pages, word(print, REPORT_WORD_DRAFT_NOTE), "");
    if (report->kind != REPORT_AMENDED)
        return;
    if (*report->reason)
        reason = or_empty(
            pacs_arena_printf(print->arena, "%s: %s", word(print, REPORT_WORD_REASON), report->reason));
    put_notice(print, pages, word(print, REPORT_WORD_AMENDED), reason);
}

/* ---- Who and what ---- */

typedef struct Fact {
    ReportWord label;
    const char *text;
    bool is_bold;
} Fact;

static const char *sex_of(const Print *print)
{
    const char *sex = print->pdf->study->sex;

    if (strcmp(sex, "M") == 0)
        return word(print, REPORT_WORD_MALE);
    if (strcmp(sex, "F") == 0)
        return word(print, REPORT_WORD_FEMALE);
    return *sex ? word(print, REPORT_WORD_OTHER) : "";
}

static const char *joined(const Print *print, const char *a, const char *b)
{
    if (!*a || !*b)
        return *a ? a : b;
    return or_empty(pacs_arena_printf(print->arena, "%s %s", a, b));
}

/* "CT ngực" of a CT says so itself. */
static const char *examination_of(const Print *print)
{
    const ReportStudy *study = print->pdf->study;
    const size_t size = strlen(study->modality);
    const bool is_said = strncasecmp(study->study_description, study->modality, size) == 0 &&
                         !isalnum((unsigned char)study->study_description[size]);

    return is_said ? study->study_description : joined(print, study->modality, study->study_description);
}

static double fact_height(Pages *pages, const Fact *fact, double width)
{
    return pages_measure(pages, &label, "A", width) + 1 +
           pages_measure(pages, fact->is_bold ? &value_bold : &value, *fact->text ? fact->text : "–", width) +
           6;
}

static void draw_fact(const Print *print, Pages *pages, const Fact *fact, double x, double width)
{
    pages_draw_line(pages, &label, word(print, fact->label), x, pages->y, width);
    pages_draw(pages, fact->is_bold ? &value_bold : &value, *fact->text ? fact->text : "–", x,
               pages->y + pages_measure(pages, &label, "A", width) + 1, width);
}

static void put_facts(const Print *print, Pages *pages)
{
    const ReportStudy *study = print->pdf->study;
    const ReportLanguage language = print->pdf->report->language;
    const Fact facts[] = {
        /* two in a row */
        {REPORT_WORD_PATIENT, name_of(print, study->patient_name), true},
        {REPORT_WORD_PATIENT_ID, study->patient_id, true},
        {REPORT_WORD_BIRTH_DATE, report_date(language, study->birth_date, print->arena), false},
        {REPORT_WORD_SEX, sex_of(print), false},
        {REPORT_WORD_EXAMINATION, examination_of(print), false},
        {REPORT_WORD_ACCESSION, study->accession_number, false},
        {REPORT_WORD_STUDY_DATE,
         joined(print, report_date(language, study->study_date, print->arena),
                report_time(study->study_time, print->arena)),
         false},
        {REPORT_WORD_REFERRER, name_of(print, study->referring_physician), false},
    };
    const double gap = 16;
    const double width = (pages_width(pages) - gap) / 2;

    pages_rule(pages, PAGES_MARGIN, pages->y, pages_width(pages), 0.5, rule_color);
    pages->y += 8;
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i += 2) {
        draw_fact(print, pages, &facts[i], PAGES_MARGIN, width);
        draw_fact(print, pages, &facts[i + 1], PAGES_MARGIN + width + gap, width);
        pages->y += fmax(fact_height(pages, &facts[i], width), fact_height(pages, &facts[i + 1], width));
    }
    pages_rule(pages, PAGES_MARGIN, pages->y, pages_width(pages), 0.5, rule_color);
    pages->y += 12;
}

/* ---- What is said ---- */

static void put_heading(Pages *pages, const char *text)
{
    const double height = pages_measure(pages, &heading, text, pages_width(pages));

    pages_need(pages, height + 4 + 3 * body.size * 1.4); /* and some lines below it */
    pages_outline(pages, text);
    pages_flow(pages, &heading, text);
    pages->y += 3;
}

static const char *without_end(const Print *print, const char *text) /* empty lines at the end */
{
    return or_empty(pacs_arena_strndup(print->arena, text,
                                       pacs_slice_trim(pacs_slice(text)).size +
                                           (size_t)(pacs_slice_trim(pacs_slice(text)).text - text)));
}

static void put_sections(const Print *print, Pages *pages)
{
    const Report *report = print->pdf->report;
    static const PagesStyle impression = {.size = 10, .color = INK, .is_bold = true, .line_spacing = 1.15};

    for (unsigned i = 0; i < REPORT_SECTION_COUNT; i++) {
        const char *text = without_end(print, report->sections[i]);
        const bool is_open = print->pdf->is_draft && (i == REPORT_FINDINGS || i == REPORT_IMPRESSION);
        if (!*text && !is_open)
            continue;
        put_heading(pages, word(print, (ReportWord)(REPORT_WORD_CLINICAL_INFORMATION + i)));
        if (*text)
            pages_flow(pages, i == REPORT_IMPRESSION ? &impression : &body, text);
        pages_skip(pages, is_open ? 90 : 10); /* a draft leaves room to write */
    }
}

/* ---- Key images ---- */

#define PICTURE_GAP 12.0
#define PICTURE_MAX_HEIGHT 260.0

static double picture_height(const ReportPicture *picture, double width)
{
    return fmin(width * picture->height / picture->width, PICTURE_MAX_HEIGHT);
}

static double caption_height(const Print *print, Pages *pages, const ReportPicture *picture, double width)
{
    (void)print;
    return pages_measure(pages, &label, *picture->caption ? picture->caption : "A", width);
}

static void draw_picture(const Print *print, Pages *pages, size_t index, double x, double width)
{
    const ReportPicture *picture = &print->pdf->pictures[index];
    const double height = picture_height(picture, width);
    const double drawn_width = height * picture->width / picture->height;
    const char *caption = pacs_arena_printf(print->arena, "%s %zu%s%s", word(print, REPORT_WORD_IMAGE),
                                            index + 1, *picture->caption ? ": " : "", picture->caption);

    pages_jpeg(pages, picture->jpeg, picture->jpeg_size, picture->width, picture->height,
               x + (width - drawn_width) / 2, pages->y, drawn_width, height);
    pages_draw(pages, &label, or_empty(caption), x, pages->y + height + 3, width);
}

static void put_pictures(const Print *print, Pages *pages)
{
    const ReportPdf *pdf = print->pdf;
    const size_t columns = pdf->picture_count == 1 ? 1 : 2;
    const double width = (pages_width(pages) - PICTURE_GAP) / 2;

    for (size_t i = 0; i < pdf->picture_count; i += columns) {
        double height = 0;
        for (size_t c = 0; c < columns && i + c < pdf->picture_count; c++)
            height = fmax(height, picture_height(&pdf->pictures[i + c], width) +
                                      2 * caption_height(print, pages, &pdf->pictures[i + c], width) + 3);
        if (i == 0) {
            pages_need(pages, height + 2 * heading.size);
            put_heading(pages, word(print, REPORT_WORD_KEY_IMAGES));
        }
        pages_need(pages, height);
        for (size_t c = 0; c < columns && i + c < pdf->picture_count; c++)
            draw_picture(print, pages, i + c, PAGES_MARGIN + (double)c * (width + PICTURE_GAP), width);
        pages->y += height + 6;
    }
}

/* ---- Who says so ---- */

static void put_signature(const Print *print, Pages *pages, ReportWord role, const ReportPerson *person,
                          const ReportMoment *at, double x, double width)
{
    const double line = body.size * 1.5;

    pages_draw_line(pages, &centered, word(print, role), x, pages->y, width);
    if (at)
        pages_draw_line(pages, &centered, report_date_time(print->pdf->report->language, at, print->arena), x,
                        pages->y + line, width);
    pages_draw_line(pages, &centered_bold, name_of(print, person->name), x, pages->y + 2.4 * line, width);
}

static void put_signatures(const Print *print, Pages *pages)
{
    const Report *report = print->pdf->report;
    const double half = pages_width(pages) / 2;
    const double height = body.size * 1.5 * 3.6;

    if (print->pdf->is_draft)
        return;
    pages_skip(pages, 8);
    pages_need(pages, height);
    if (*report->author.name)
        put_signature(print, pages, REPORT_WORD_REPORTED_BY, &report->author, &report->issued_at,
                      PAGES_MARGIN, half);
    if (*report->verifier.name)
        put_signature(print, pages, REPORT_WORD_VERIFIED_BY, &report->verifier, &report->verified_at,
                      PAGES_MARGIN + half, half);
    else
        pages_draw_line(pages, &centered, word(print, REPORT_WORD_NOT_VERIFIED), PAGES_MARGIN + half,
                        pages->y, half);
    pages->y += height;
    pages_skip(pages, 10);
}

/* ---- The whole ---- */

static const char *document_date(const Print *print)
{
    const ReportMoment *at = &print->pdf->report->issued_at;
    const unsigned offset = (unsigned)(at->offset_minutes < 0 ? -at->offset_minutes : at->offset_minutes);

    return or_empty(pacs_arena_printf(print->arena, "%04d-%02d-%02dT%02d:%02d:%02d%c%02u:%02u", at->year,
                                      at->month, at->day, at->hour, at->minute, at->second,
                                      at->offset_minutes < 0 ? '-' : '+', offset / 60, offset % 60));
}

static PacsStatus print_pages(Print *print, PacsBuffer *out, uint32_t *ret_count, PacsError *err)
{
    const ReportPaper paper = print->pdf->layout->paper;
    const PagesSetup setup = {.width = papers[paper].width,
                              .height = papers[paper].height,
                              .font = print->pdf->layout->font,
                              .title = title_of(print),
                              .date = document_date(print),
                              .out = out,
                              .decorate = decorate,
                              .context = print};
    Pages pages;

    PacsStatus status = pages_init(&pages, &setup, err);
    if (status == PACS_OK) {
        put_letterhead(print, &pages);
        pages_flow(&pages, &title_style, title_of(print));
        pages.y += 10;
        put_notices(print, &pages);
        put_facts(print, &pages);
        put_sections(print, &pages);
        put_signatures(print, &pages);
        put_pictures(print, &pages);
        status = pages_finish(&pages, err);
    }
    *ret_count = pages.number;
    pages_clear(&pages);
    return status;
}

PacsStatus report_pdf_write(const ReportPdf *pdf, PacsBuffer *out, PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_REPORT_PRINT);
    Print print = {.pdf = pdf, .arena = arena};
    uint32_t count = 0;

    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the pages of a report");
    PacsStatus status = print_pages(&print, NULL, &print.page_count, err);
    return status == PACS_OK ? print_pages(&print, out, &count, err) : status;
}

PacsStatus report_pdf_check_font(const char *font, PacsError *err)
{
    return pages_check_font(
        font,
        "AaĂăÂâĐđÊêÔôƠơƯư ẠạẢảẤấẦầẨẩẪẫẬậẮắẰằẲẳẴẵẶặ ẸẹẺẻẼẽẾếỀềỂểỄễỆệ ỈỉỊị ỌọỎỏỐốỒồỔổỖỗỘộỚớỜờỞởỠỡỢợ "
        "ỤụỦủỨứỪừỬửỮữỰự ỲỳỴỵỶỷỸỹ – · ²³µ°±≤≥×",
        err);
}
