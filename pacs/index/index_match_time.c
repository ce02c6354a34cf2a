#include <limits.h>

#include "pacs/index/index_match.h"

/* Dates and times as DICOM writes them (PS3.5 6.2), the forms of ACR-NEMA ("2026.11.21", "10:30:00") too. */

#define SECOND_US 1000000LL

typedef struct Digits {
    const char *at, *end;
} Digits;

/** `count` digits, after an optional separator; false and nothing taken if they are not there. */
static bool take(Digits *digits, size_t count, char separator, int64_t *ret_number)
{
    const char *at = digits->at;
    if (at < digits->end && *at == separator)
        at++;
    if ((size_t)(digits->end - at) < count)
        return false;
    int64_t number = 0;
    for (size_t i = 0; i < count; i++, at++) {
        if (*at < '0' || *at > '9')
            return false;
        number = 10 * number + (*at - '0');
    }
    digits->at = at;
    *ret_number = number;
    return true;
}

static int days_in_month(int64_t year, int64_t month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/** Days from the year 0 of the calendar continued backwards. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    const int64_t past = month > 2 ? year + 1 : year; /* years whose leap day lies behind */
    const int64_t leap_days = (past + 3) / 4 - (past + 99) / 100 + (past + 399) / 400;
    return 365 * year + leap_days + before[month - 1] + day - 1;
}

/** Year, month and day as far as they are written. */
static bool take_date(Digits *digits, int64_t *ret_first, int64_t *ret_last)
{
    int64_t year = 0;
    int64_t month = 1;
    int64_t day = 1;
    if (!take(digits, 4, '\0', &year))
        return false;
    const bool has_month = take(digits, 2, '.', &month);
    const bool has_day = has_month && take(digits, 2, '.', &day);
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    const int64_t last_month = has_month ? month : 12;
    *ret_first = days_of(year, month, day);
    *ret_last = days_of(year, last_month, has_day ? day : days_in_month(year, last_month));
    return true;
}

/** Up to six digits behind a point; `*ret_unit` is what the last one counts. */
static bool take_fraction(Digits *digits, int64_t *ret_us, int64_t *ret_unit)
{
    int64_t digit;
    int64_t unit = SECOND_US;
    int64_t us = 0;
    if (digits->at == digits->end || *digits->at != '.')
        return false;
    const char *point = digits->at++;
    while (unit > 1 && take(digits, 1, '\0', &digit)) {
        unit /= 10;
        us += digit * unit;
    }
    while (take(digits, 1, '\0', &digit)) /* finer than DICOM has it */
        continue;
    if (unit == SECOND_US) {
        digits->at = point; /* not ours */
        return false;
    }
    *ret_us = us;
    *ret_unit = unit;
    return true;
}

static bool take_time(Digits *digits, int64_t *ret_first, int64_t *ret_last)
{
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t fraction = 0;
    int64_t unit = 3600 * SECOND_US; /* the precision */
    if (!take(digits, 2, '\0', &hour))
        return false;
    if (take(digits, 2, ':', &minute)) {
        unit = 60 * SECOND_US;
        if (take(digits, 2, ':', &second)) {
            unit = SECOND_US;
            (void)take_fraction(digits, &fraction, &unit); /* absent: whole seconds */
        }
    }
    if (hour > 23 || minute > 59 || second > 60) /* 60: a leap second */
        return false;
    *ret_first = (hour * 3600 + minute * 60 + second) * SECOND_US + fraction;
    *ret_last = *ret_first + unit - 1;
    return true;
}

static bool take_zone(Digits *digits, PacsZone *ret_zone)
{
    int64_t hours = 0;
    int64_t minutes = 0;
    if (digits->at == digits->end || (*digits->at != '+' && *digits->at != '-'))
        return false;
    const int sign = *digits->at == '-' ? -1 : 1;
    digits->at++;
    if (!take(digits, 2, '\0', &hours) || !take(digits, 2, '\0', &minutes) || hours > 14 || minutes > 59)
        return false;
    *ret_zone = (PacsZone){.known = true, .minutes = (int32_t)(sign * (hours * 60 + minutes))};
    return true;
}

static Digits digits_of(PacsSlice text)
{
    const PacsSlice trimmed = pacs_slice_trim(text);
    return (Digits){.at = trimmed.text, .end = trimmed.text + trimmed.size};
}

bool pacs_match_parse_date(PacsSlice text, int64_t *ret_first, int64_t *ret_last)
{
    Digits digits = digits_of(text);
    return take_date(&digits, ret_first, ret_last) && digits.at == digits.end;
}

bool pacs_match_parse_time(PacsSlice text, int64_t *ret_first, int64_t *ret_last)
{
    Digits digits = digits_of(text);
    return take_time(&digits, ret_first, ret_last) && digits.at == digits.end;
}

bool pacs_match_parse_datetime(PacsSlice text, int64_t *ret_first, int64_t *ret_last, PacsZone *ret_zone)
{
    Digits digits = digits_of(text);
    PacsZone zone = {0};
    int64_t first_day;
    int64_t last_day;
    int64_t first_us = 0;
    int64_t last_us = PACS_MATCH_DAY_US - 1;
    if (!take_date(&digits, &first_day, &last_day))
        return false;
    if (first_day == last_day)
        (void)take_time(&digits, &first_us, &last_us); /* absent: the whole day */
    (void)take_zone(&digits, &zone);
    if (digits.at != digits.end)
        return false;
    *ret_first = first_day * PACS_MATCH_DAY_US + first_us;
    *ret_last = last_day * PACS_MATCH_DAY_US + last_us;
    if (ret_zone)
        *ret_zone = zone;
    return true;
}

PacsZone pacs_zone_parse(const char *text)
{
    PacsZone zone = {0};
    if (!text)
        return zone;
    Digits digits = digits_of(pacs_slice(text));
    return take_zone(&digits, &zone) && digits.at == digits.end ? zone : (PacsZone){0};
}
