#include "workers/imaging-report/moment.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS (INT64_C(1440) * MINUTE_MS)

/* Days since 1970-01-01 of a date of the Gregorian calendar, whose year begins in March here: then the leap day is its last. */
static int64_t days_of(int year, int month, int day)
{
    const int64_t y = month > 2 ? year : year - 1;
    const int64_t era = y / 400;
    const int64_t year_of_era = y - era * 400;
    const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static void set_date(int64_t days, ReportMoment *moment)
{
    const int64_t shifted = days + 719468;
    const int64_t era = shifted / 146097;
    const int64_t day_of_era = shifted - era * 146097;
    const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) /
                                365;
    const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t month = (5 * day_of_year + 2) / 153;

    moment->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    moment->month = (int)(month < 10 ? month + 3 : month - 9);
    moment->year = (int)(year_of_era + era * 400 + (moment->month <= 2 ? 1 : 0));
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

/* Exactly `digits` digits of *text, from min to max; moves on. */
static bool take(PacsSlice *text, size_t digits, int min, int max, int *ret_value)
{
    uint64_t value;

    if (text->size < digits || pacs_parse_u64((PacsSlice){text->text, digits}, 9999, &value, NULL) != PACS_OK)
        return false;
    *ret_value = (int)value;
    *text = (PacsSlice){text->text + digits, text->size - digits};
    return *ret_value >= min && *ret_value <= max;
}

static bool take_one_of(PacsSlice *text, const char *letters, char *ret_letter)
{
    if (text->size == 0)
        return false;
    for (const char *letter = letters; *letter; letter++) {
        if (*letter != text->text[0])
            continue;
        *ret_letter = *letter;
        *text = (PacsSlice){text->text + 1, text->size - 1};
        return true;
    }
    return false;
}

static bool take_fraction(PacsSlice *text, int *ret_ms)
{
    char letter;
    int scale = 100;

    *ret_ms = 0;
    if (!take_one_of(text, ".", &letter))
        return true;
    size_t digits = 0;
    for (; take_one_of(text, "0123456789", &letter); digits++, scale /= 10)
        *ret_ms += (letter - '0') * scale;
    return digits > 0;
}

static bool take_offset(PacsSlice *text, int32_t *ret_minutes)
{
    char sign, colon;
    int hours = 0, minutes = 0;

    if (!take_one_of(text, "Zz+-", &sign))
        return false;
    if (sign != '+' && sign != '-') {
        *ret_minutes = 0;
        return true;
    }
    if (!take(text, 2, 0, 23, &hours) || !take_one_of(text, ":", &colon) || !take(text, 2, 0, 59, &minutes))
        return false;
    *ret_minutes = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

PacsStatus report_moment_parse(PacsSlice text, ReportMoment *ret_moment, PacsError *err)
{
    ReportMoment m = {0};
    char letter;
    int fraction_ms = 0;

    const bool is_valid = take(&text, 4, 1, 9999, &m.year) && take_one_of(&text, "-", &letter) &&
                          take(&text, 2, 1, 12, &m.month) && take_one_of(&text, "-", &letter) &&
                          take(&text, 2, 1, 31, &m.day) && m.day <= days_in_month(m.year, m.month) &&
                          take_one_of(&text, "Tt ", &letter) && take(&text, 2, 0, 23, &m.hour) &&
                          take_one_of(&text, ":", &letter) && take(&text, 2, 0, 59, &m.minute) &&
                          take_one_of(&text, ":", &letter) && take(&text, 2, 0, 60, &m.second) &&
                          take_fraction(&text, &fraction_ms) && take_offset(&text, &m.offset_minutes) &&
                          text.size == 0;
    if (!is_valid)
        return pacs_fail(err, PACS_INVALID,
                         "is no time as RFC 3339 has it (2026-11-21T16:05:09+07:00 was expected)");
    m.ms = days_of(m.year, m.month, m.day) * DAY_MS +
           ((INT64_C(60) * m.hour + m.minute - m.offset_minutes) * 60 + m.second) * 1000 + fraction_ms;
    *ret_moment = m;
    return PACS_OK;
}

ReportMoment report_moment_in_zone(const ReportMoment *moment, int32_t offset_minutes)
{
    ReportMoment there = {.ms = moment->ms, .offset_minutes = offset_minutes};
    const int64_t local = moment->ms + offset_minutes * MINUTE_MS;
    const int64_t days = local >= 0 ? local / DAY_MS : -((DAY_MS - 1 - local) / DAY_MS);
    const int64_t seconds = (local - days * DAY_MS) / 1000;

    set_date(days, &there);
    there.hour = (int)(seconds / 3600);
    there.minute = (int)(seconds / 60 % 60);
    there.second = (int)(seconds % 60);
    return there;
}

bool report_zone_parse(const char *text, int32_t *ret_offset_minutes)
{
    PacsSlice rest = pacs_slice(text);
    char sign;
    int hours, minutes;

    if (!take_one_of(&rest, "+-", &sign) || !take(&rest, 2, 0, 14, &hours) ||
        !take(&rest, 2, 0, 59, &minutes) || rest.size > 0)
        return false;
    *ret_offset_minutes = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

void report_moment_format_da(const ReportMoment *moment, char out[REPORT_DA_SIZE])
{
    (void)snprintf(out, REPORT_DA_SIZE, "%04u%02u%02u", (unsigned)moment->year % 10000u,
                   (unsigned)moment->month % 100u, (unsigned)moment->day % 100u);
}

/* A leap second is written as the one before it: not every reader takes 60. */
void report_moment_format_tm(const ReportMoment *moment, char out[REPORT_TM_SIZE])
{
    (void)snprintf(out, REPORT_TM_SIZE, "%02u%02u%02u", (unsigned)moment->hour % 100u,
                   (unsigned)moment->minute % 100u, (unsigned)(moment->second > 59 ? 59 : moment->second));
}

void report_moment_format_dt(const ReportMoment *moment, char out[REPORT_DT_SIZE])
{
    char date[REPORT_DA_SIZE], time[REPORT_TM_SIZE];
    const unsigned offset = (unsigned)abs(moment->offset_minutes);

    report_moment_format_da(moment, date);
    report_moment_format_tm(moment, time);
    (void)snprintf(out, REPORT_DT_SIZE, "%s%s%c%02u%02u", date, time, moment->offset_minutes < 0 ? '-' : '+',
                   offset / 60 % 100u, offset % 60);
}
