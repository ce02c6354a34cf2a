#include "transcode/waveform.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "transcode/drawing.h"

/* Of paper, in mm. */
#define MARGIN 3.0
#define PULSE_ROOM 12.0 /* in front of each lane of an ECG: its pulse of 1 mV */
#define FOOT 7.0        /* the scales */
#define LINE 4.5        /* of text above */
#define LETTERS 3.2
#define MM_PER_SECOND 25.0
#define MM_PER_MILLIVOLT 10.0
#define LANE_MAX 30.0
#define LANE_MIN 10.0
#define LANES_TOTAL 200.0     /* shared out among many traces */
#define PAPER_SECONDS_MIN 4.0 /* across: of what is shorter too */

#define PIXELS_PER_MM 6.0
#define LETTERS_MIN 9.0    /* pixels: smaller ones cannot be read */
#define TEXT_MIN 2.0       /* pixels a mm from which there are texts around the traces */
#define FINE_GRID_MIN 3.0  /* pixels a mm from which each mm has a line */
#define POINTS_PER_PIXEL 3 /* of more samples only the highest and lowest are drawn */

#define LEADS 12
#define LEAD_COLUMNS 4
#define LEAD_ROWS 3
#define RHYTHM 4 /* lead II, of the cells in their order */
#define LEAD_SECONDS (TRANSCODE_WAVEFORM_SECONDS / (double)LEAD_COLUMNS)
#define ALMOST 0.99 /* a recording of 9.99 s is one of 10 */

static const uint16_t paper_color[3] = {0xFFFF, 0xFCFC, 0xF8F8};
static const uint16_t fine_color[3] = {0xFAFA, 0xE0E0, 0xDCDC};
static const uint16_t grid_color[3] = {0xF0F0, 0xB4B4, 0xACAC};
static const uint16_t ink_color[3] = {0x1414, 0x1818, 0x3030};

/** What of a trace is drawn where. */
typedef struct Cell {
    const TranscodeTrace *trace;
    double left_mm, middle_mm, height_mm; /* of its lane */
    double from_s, to_s;
    bool is_first; /* of its row: the pulse stands in front */
} Cell;

typedef struct Sheet {
    const TranscodeWaveformPage *page;
    Cell cells[TRANSCODE_WAVEFORM_TRACES];
    size_t cell_count;
    double left_mm, head_mm, width_mm, height_mm;
    double scale; /* pixels a mm */
    Drawing drawing;
} Sheet;

/* ---- Layout ---- */

static double end_of(const TranscodeTrace *trace)
{
    return trace->start_s + (double)trace->count / trace->sampling_hz;
}

static bool is_drawable(const TranscodeTrace *trace)
{
    return trace->count > 0 && isfinite(trace->sampling_hz) && trace->sampling_hz > 0 &&
           isfinite(trace->start_s) && trace->start_s >= 0 && trace->start_s < TRANSCODE_WAVEFORM_SECONDS;
}

/** The twelve leads in the order of their cells, row by row; false: they are not all there. */
static bool find_leads(const TranscodeWaveformPage *page, const TranscodeTrace *leads[LEADS])
{
    static const char *const names[LEADS] = {"I",  "aVR", "V1",  "V4",  "II", "aVL",
                                             "V2", "V5",  "III", "aVF", "V3", "V6"};

    for (size_t i = 0; i < LEADS; i++) {
        leads[i] = NULL;
        for (size_t t = 0; t < page->trace_count && !leads[i]; t++)
            if (strcmp(page->traces[t].label, names[i]) == 0 && is_drawable(&page->traces[t]))
                leads[i] = &page->traces[t];
        if (!leads[i])
            return false;
    }
    return true;
}

static void add_cell(Sheet *sheet, const TranscodeTrace *trace, double left_mm, double middle_mm,
                     double from_s, double seconds)
{
    sheet->cells[sheet->cell_count++] = (Cell){.trace = trace,
                                               .left_mm = left_mm,
                                               .middle_mm = middle_mm,
                                               .height_mm = LANE_MAX,
                                               .from_s = from_s,
                                               .to_s = from_s + seconds,
                                               .is_first = left_mm <= sheet->left_mm};
}

/** Where the recording is long enough the columns follow each other in time, else they are the same moments. */
static void lay_out_leads(Sheet *sheet, const TranscodeTrace *const leads[LEADS])
{
    const double seconds = fmin(end_of(leads[0]), TRANSCODE_WAVEFORM_SECONDS);
    const bool is_running = seconds >= TRANSCODE_WAVEFORM_SECONDS * ALMOST;

    sheet->left_mm = MARGIN + PULSE_ROOM;
    for (size_t i = 0; i < LEADS; i++) {
        const size_t column = i % LEAD_COLUMNS, row = i / LEAD_COLUMNS;
        const double across = (double)column * LEAD_SECONDS;
        add_cell(sheet, leads[i], sheet->left_mm + across * MM_PER_SECOND,
                 sheet->head_mm + ((double)row + 0.5) * LANE_MAX, is_running ? across : 0, LEAD_SECONDS);
    }
    add_cell(sheet, leads[RHYTHM], sheet->left_mm, sheet->head_mm + (LEAD_ROWS + 0.5) * LANE_MAX, 0,
             TRANSCODE_WAVEFORM_SECONDS);
    sheet->width_mm = sheet->left_mm + TRANSCODE_WAVEFORM_SECONDS * MM_PER_SECOND + MARGIN;
    sheet->height_mm = sheet->head_mm + (LEAD_ROWS + 1) * LANE_MAX + FOOT;
}

static void lay_out_lanes(Sheet *sheet)
{
    const TranscodeWaveformPage *page = sheet->page;
    double seconds = PAPER_SECONDS_MIN, lane = 0;
    bool has_pulse = false;
    size_t count = 0;

    for (size_t i = 0; i < page->trace_count && count < TRANSCODE_WAVEFORM_TRACES; i++) {
        if (!is_drawable(&page->traces[i]))
            continue;
        seconds = fmax(seconds, fmin(end_of(&page->traces[i]), TRANSCODE_WAVEFORM_SECONDS));
        has_pulse = has_pulse || page->traces[i].mm_per_unit > 0;
        count++;
    }
    sheet->left_mm = has_pulse ? MARGIN + PULSE_ROOM : MARGIN;
    lane = count > 0 ? fmin(fmax(LANES_TOTAL / (double)count, LANE_MIN), LANE_MAX) : 0;
    for (size_t i = 0; i < page->trace_count && sheet->cell_count < count; i++) {
        if (!is_drawable(&page->traces[i]))
            continue;
        add_cell(sheet, &page->traces[i], sheet->left_mm,
                 sheet->head_mm + ((double)sheet->cell_count + 0.5) * lane, 0, seconds);
        sheet->cells[sheet->cell_count - 1].height_mm = lane;
    }
    sheet->width_mm = sheet->left_mm + seconds * MM_PER_SECOND + MARGIN;
    sheet->height_mm = sheet->head_mm + (double)count * lane + FOOT;
}

static double lines_of(const char *text)
{
    double lines = text[0] ? 1 : 0;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static double head_height(const TranscodeWaveformPage *page)
{
    double lines = 0;

    for (size_t i = 0; i < page->text_count; i++)
        lines = fmax(lines, lines_of(page->texts[i].text));
    return MARGIN + lines * LINE;
}

static void choose_scale(Sheet *sheet)
{
    const TranscodeWaveformPage *page = sheet->page;
    const double largest = page->enlarges ? INFINITY : PIXELS_PER_MM;
    double scale = INFINITY;

    if (page->viewport_width > 0)
        scale = page->viewport_width / sheet->width_mm;
    if (page->viewport_height > 0)
        scale = fmin(scale, page->viewport_height / sheet->height_mm);
    sheet->scale = isinf(scale) ? PIXELS_PER_MM : fmin(scale, largest);
}

/* ---- Paper ---- */

static void add_lines(Sheet *sheet, double step_mm)
{
    const TranscodePicture *picture = sheet->drawing.picture;
    cairo_t *cairo = sheet->drawing.cairo;
    const double step = step_mm * sheet->scale;
    const double left = fmod(sheet->left_mm * sheet->scale, step);
    const double top = fmod(sheet->head_mm * sheet->scale, step);

    for (size_t i = 0; left + (double)i * step < picture->width; i++) {
        const double x = floor(left + (double)i * step) + 0.5;
        cairo_move_to(cairo, x, 0);
        cairo_line_to(cairo, x, picture->height);
    }
    for (size_t i = 0; top + (double)i * step < picture->height; i++) {
        const double y = floor(top + (double)i * step) + 0.5;
        cairo_move_to(cairo, 0, y);
        cairo_line_to(cairo, picture->width, y);
    }
}

static void draw_paper(Sheet *sheet)
{
    TranscodePicture *picture = sheet->drawing.picture;
    const size_t pixels = (size_t)picture->width * picture->height;

    for (size_t i = 0; i < pixels * 3; i++)
        picture->pixels[i] = (uint8_t)(paper_color[i % 3] >> 8);
    if (sheet->scale >= FINE_GRID_MIN) {
        add_lines(sheet, 1);
        drawing_stroke(&sheet->drawing, 1, fine_color);
    }
    add_lines(sheet, 5);
    drawing_stroke(&sheet->drawing, 1, sheet->scale >= FINE_GRID_MIN ? grid_color : fine_color);
}

/* ---- Traces ---- */

/** How a trace lies in its lane: y = middle - (value - center) * mm_per_unit. */
typedef struct Fit {
    double center, mm_per_unit;
} Fit;

/** 1, 2 or 5 times a power of ten, at least `value`. */
static double round_up(double value)
{
    const double power = pow(10, floor(log10(value)));
    const double digit = value / power;

    return (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10) * power;
}

/** Zero is the middle of a lane of fixed scale, unless the trace lies half a lane away from it. */
static Fit fit(const Cell *cell)
{
    const TranscodeTrace *trace = cell->trace;
    double lowest = INFINITY, highest = -INFINITY, sum = 0;
    size_t count = 0;

    for (size_t i = 0; i < trace->count; i++) {
        if (!isfinite(trace->values[i]))
            continue;
        lowest = fmin(lowest, trace->values[i]);
        highest = fmax(highest, trace->values[i]);
        sum += trace->values[i];
        count++;
    }
    if (count == 0)
        return (Fit){0, 1};
    if (trace->mm_per_unit > 0) {
        const double mean = sum / (double)count;
        const bool is_far = fabs(mean * trace->mm_per_unit) > cell->height_mm / 2;
        return (Fit){is_far ? mean : 0, trace->mm_per_unit};
    }
    const double range = highest - lowest;
    const double middle = lowest + range / 2;
    if (!(range > 0) || !isfinite(range))
        return (Fit){middle, 1};
    return (Fit){middle, 1 / round_up(range / (cell->height_mm * 0.9))};
}

typedef struct Pen {
    cairo_t *cairo;
    double lowest_y; /* of the picture */
    bool is_down;
} Pen;

static void draw_to(Pen *pen, double x, double y)
{
    const double inside = fmin(fmax(y, -1), pen->lowest_y);

    if (pen->is_down)
        cairo_line_to(pen->cairo, x, inside);
    else
        cairo_move_to(pen->cairo, x, inside);
    pen->is_down = true;
}

/** The highest and the lowest of some samples; false: none of them is a number. */
static bool span_of(const TranscodeTrace *trace, size_t first, size_t end, float *ret_low, float *ret_high)
{
    float low = INFINITY, high = -INFINITY;

    for (size_t i = first; i < end; i++) {
        low = fminf(low, trace->values[i]);
        high = fmaxf(high, trace->values[i]);
    }
    if (!isfinite(low) || !isfinite(high))
        return false;
    *ret_low = low;
    *ret_high = high;
    return true;
}

static size_t index_at(const TranscodeTrace *trace, double seconds)
{
    const double index = ceil((seconds - trace->start_s) * trace->sampling_hz);

    return index <= 0 ? 0 : index >= (double)trace->count ? trace->count : (size_t)index;
}

static void draw_trace(Sheet *sheet, const Cell *cell)
{
    const TranscodeTrace *trace = cell->trace;
    const Fit lane = fit(cell);
    const double samples_per_pixel = trace->sampling_hz / (MM_PER_SECOND * sheet->scale);
    const size_t stride = samples_per_pixel > POINTS_PER_PIXEL
                              ? (size_t)fmin(samples_per_pixel, (double)trace->count)
                              : 1;
    const size_t end = index_at(trace, cell->to_s);
    Pen pen = {sheet->drawing.cairo, sheet->drawing.picture->height + 1.0, false};

    for (size_t i = index_at(trace, cell->from_s); i < end; i += stride) {
        const double seconds = trace->start_s + (double)i / trace->sampling_hz - cell->from_s;
        const double x = (cell->left_mm + seconds * MM_PER_SECOND) * sheet->scale;
        const size_t next = stride < end - i ? i + stride : end;
        float low = 0, high = 0;
        if (!span_of(trace, i, next, &low, &high)) {
            pen.is_down = false;
            continue;
        }
        draw_to(&pen, x, (cell->middle_mm - (high - lane.center) * lane.mm_per_unit) * sheet->scale);
        if (low < high)
            draw_to(&pen, x, (cell->middle_mm - (low - lane.center) * lane.mm_per_unit) * sheet->scale);
    }
    drawing_stroke(&sheet->drawing, fmax(0.3 * sheet->scale, 0.8), ink_color);
}

/** 1 mV for 0.2 s. */
static void draw_pulse(Sheet *sheet, const Cell *cell)
{
    static const double corners[][2] = {{-9, 0}, {-7, 0}, {-7, 1}, {-2, 1}, {-2, 0}, {0, 0}};
    cairo_t *cairo = sheet->drawing.cairo;

    for (size_t i = 0; i < sizeof corners / sizeof corners[0]; i++)
        cairo_line_to(cairo, (cell->left_mm + corners[i][0] - 1) * sheet->scale,
                      (cell->middle_mm - corners[i][1] * MM_PER_MILLIVOLT) * sheet->scale);
    drawing_stroke(&sheet->drawing, fmax(0.3 * sheet->scale, 0.8), ink_color);
}

/* ---- Letters ---- */

static void write_text(Sheet *sheet, const char *text, double x_mm, double y_mm, double across_mm,
                       bool is_right)
{
    const DrawingText letters = {.text = text,
                                 .size = fmax(LETTERS * sheet->scale, LETTERS_MIN),
                                 .most_across = fmax(across_mm * sheet->scale, 1),
                                 .is_right = is_right};

    drawing_add_text(&sheet->drawing, &letters, x_mm * sheet->scale, fmax(y_mm * sheet->scale, 0));
}

/** "ABP  1 cm = 20 mmHg" above the lane; of leads their names. */
static void write_label(Sheet *sheet, const Cell *cell)
{
    const TranscodeTrace *trace = cell->trace;
    const double room = (cell->to_s - cell->from_s) * MM_PER_SECOND - 2;
    char scale[120] = "";
    char label[200];

    if (!(trace->mm_per_unit > 0) && trace->unit[0] && sheet->scale >= TEXT_MIN)
        (void)snprintf(scale, sizeof scale, "   1 cm = %g %s", 10 / fit(cell).mm_per_unit, trace->unit);
    (void)snprintf(label, sizeof label, "%.70s%s", trace->label, scale);
    write_text(sheet, label, cell->left_mm + 1, cell->middle_mm - cell->height_mm / 2 + 0.5, room, false);
}

static void write_foot(Sheet *sheet)
{
    const bool has_gain = sheet->cells[0].is_first && sheet->cells[0].trace->mm_per_unit > 0;
    char foot[200];

    (void)snprintf(foot, sizeof foot, "%g mm/s%s%s%.120s", MM_PER_SECOND, has_gain ? "   10 mm/mV" : "",
                   sheet->page->note[0] ? "   " : "", sheet->page->note);
    write_text(sheet, foot, MARGIN, sheet->height_mm - FOOT + 1, sheet->width_mm - 2 * MARGIN, false);
}

static void write_head(Sheet *sheet)
{
    const double half = sheet->width_mm / 2 - MARGIN;

    for (size_t i = 0; i < sheet->page->text_count; i++) {
        const TranscodeAnnotation *text = &sheet->page->texts[i];
        const bool is_right = text->corner == TRANSCODE_TOP_RIGHT || text->corner == TRANSCODE_BOTTOM_RIGHT;
        write_text(sheet, text->text, is_right ? sheet->width_mm / 2 : MARGIN, MARGIN / 2, half, is_right);
    }
}

static void write_letters(Sheet *sheet)
{
    for (size_t i = 0; i < sheet->cell_count; i++)
        write_label(sheet, &sheet->cells[i]);
    if (sheet->scale >= TEXT_MIN) {
        write_foot(sheet);
        write_head(sheet);
    }
    drawing_fill(&sheet->drawing, ink_color);
}

/* ---- All of it ---- */

static void draw(Sheet *sheet)
{
    draw_paper(sheet);
    for (size_t i = 0; i < sheet->cell_count; i++) {
        if (sheet->cells[i].is_first && sheet->cells[i].trace->mm_per_unit > 0)
            draw_pulse(sheet, &sheet->cells[i]);
        draw_trace(sheet, &sheet->cells[i]);
    }
    write_letters(sheet);
}

PacsStatus transcode_waveform_draw(const TranscodeWaveformPage *page, TranscodePicture *ret_picture,
                                   PacsError *err)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
    Sheet sheet = {.page = page, .head_mm = head_height(page)};
    const TranscodeTrace *leads[LEADS];

    if (find_leads(page, leads))
        lay_out_leads(&sheet, leads);
    else
        lay_out_lanes(&sheet);
    if (sheet.cell_count == 0)
        return pacs_fail(err, PACS_INVALID, "the waveform has no samples that could be drawn");
    choose_scale(&sheet);
    PacsStatus status = transcode_picture_init(&picture, (uint32_t)fmax(sheet.width_mm * sheet.scale, 1),
                                               (uint32_t)fmax(sheet.height_mm * sheet.scale, 1), 3, 8, err);
    if (status == PACS_OK)
        status = drawing_init(&sheet.drawing, &picture, err);
    if (status == PACS_OK)
        draw(&sheet);
    drawing_clear(&sheet.drawing);
    if (status != PACS_OK)
        return status;
    *ret_picture = picture;
    picture = (TranscodePicture){0};
    return PACS_OK;
}
