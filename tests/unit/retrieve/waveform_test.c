/* Waveforms: JSON of an instance in, a picture out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pacs/retrieve/pictures.h"
#include "pacs/retrieve/waveform.h"
#include "pacs/util/limits.h"

#define NUMBER(tag, number) "\"" tag "\":{\"vr\":\"DS\",\"Value\":[" number "]}"
#define TEXT(tag, text) "\"" tag "\":{\"vr\":\"LO\",\"Value\":[\"" text "\"]}"
#define SEQUENCE(tag, items) "\"" tag "\":{\"vr\":\"SQ\",\"Value\":[" items "]}"
#define DATA                                                                                                 \
    "\"54001010\":{\"vr\":\"OW\",\"InlineBinary\":\"AAAKABQACgAAAPb/7P/2/w==\"}" /* 0 10 20 10 0 -10 -20 -10 */
#define CHANNEL(sensitivity)                                                                                 \
    SEQUENCE("003A0200",                                                                                     \
             "{" SEQUENCE("003A0208", "{" TEXT("00080104", "Lead I (Einthoven)") "}") "," NUMBER(            \
                 "003A0210", sensitivity) "," SEQUENCE("003A0211", "{" TEXT("00080100", "uV") "}") "}")
#define GROUP(channels, samples, rate, kind, more)                                                           \
    "{" NUMBER("003A0005", channels) "," NUMBER("003A0010", samples) "," NUMBER("003A001A", rate) "," TEXT(  \
        "54001006", kind) more "}"
#define ECG TEXT("00080016", "1.2.840.10008.5.1.4.1.1.9.1.1") "," TEXT("00100010", "Invented^Name")

static int open_arena(void **state)
{
    *state = pacs_arena_new(PACS_MAX_PICTURE_ATTRIBUTES);
    assert_non_null(*state);
    return 0;
}

static int close_arena(void **state)
{
    pacs_arena_free(*state);
    return 0;
}

static PacsStatus draw_with(PacsArena *arena, const char *groups, uint32_t annotations,
                            TranscodePicture *picture, PacsError *err)
{
    const char *json = pacs_arena_printf(arena, "{" ECG "%s%s}", groups ? "," : "", groups ? groups : "");
    const TranscodeView view = {0};
    PacsInstanceValues values = {.arena = arena};

    assert_int_equal(pacs_json_item_parse(pacs_slice(json), arena, &values.item, NULL), PACS_OK);
    return pacs_waveform_draw(&values, &view, annotations, picture, err);
}

static TranscodePicture draw(PacsArena *arena, const char *groups, uint32_t annotations)
{
    TranscodePicture picture = {0};
    PacsError err = {0};

    if (draw_with(arena, groups, annotations, &picture, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return picture;
}

static void refuse(PacsArena *arena, const char *groups, PacsStatus status, const char *words)
{
    TranscodePicture picture = {0};
    PacsError err = {0};

    assert_int_equal(draw_with(arena, groups, 0, &picture, &err), status);
    if (!strstr(err.text, words))
        fail_msg("'%s' is not in: %s", words, err.text);
}

static bool differ(TranscodePicture one, TranscodePicture other)
{
    const bool result = one.width != other.width || one.height != other.height ||
                        memcmp(one.pixels, other.pixels, (size_t)one.width * one.height * 3) != 0;

    transcode_picture_clear(&one);
    transcode_picture_clear(&other);
    return result;
}

#define PLAIN SEQUENCE("54000100", GROUP("1", "8", "4", "SS", "," CHANNEL("10") "," DATA))

static void a_channel_is_drawn_by_its_sensitivity(void **state)
{
    assert_false(differ(draw(*state, PLAIN, 0), draw(*state, PLAIN, 0)));
    assert_true(differ(
        draw(*state, PLAIN, 0),
        draw(*state, SEQUENCE("54000100", GROUP("1", "8", "4", "SS", "," CHANNEL("20") "," DATA)), 0)));
    assert_true(differ(
        draw(*state, PLAIN, 0),
        draw(*state, SEQUENCE("54000100", GROUP("1", "8", "4", "US", "," CHANNEL("10") "," DATA)), 0)));
}

static void sensitivities_that_make_no_sense_do_not_fail_it(void **state)
{
    static const char *const groups[] = {
        SEQUENCE("54000100", GROUP("1", "8", "4", "SS", "," CHANNEL("\"NaN\"") "," DATA)),
        SEQUENCE("54000100", GROUP("1", "8", "4", "SS", "," CHANNEL("0") "," DATA)),
        SEQUENCE("54000100", GROUP("1", "8", "4", "SS", "," CHANNEL("1e308") "," DATA)),
        SEQUENCE("54000100", GROUP("1", "8", "4", "SS", "," DATA)),
        SEQUENCE("54000100", GROUP("1", "1000000000", "4", "SS", "," DATA)),
        SEQUENCE("54000100", GROUP("1", "1000000000", "1e12", "SS", "," DATA)),
    };

    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        TranscodePicture picture = draw(*state, groups[i], 0);
        transcode_picture_clear(&picture);
    }
}

static void the_patient_is_named_where_somebody_asks(void **state)
{
    assert_true(differ(draw(*state, PLAIN, 0), draw(*state, PLAIN, PACS_ANNOTATE_PATIENT)));
}

static void a_median_beat_is_drawn_where_there_is_nothing_else(void **state)
{
#define MEDIAN GROUP("1", "8", "4", "SS", "," TEXT("003A0020", "MEDIAN BEAT") "," CHANNEL("10") "," DATA)
    const char *both = SEQUENCE("54000100",
                                MEDIAN "," GROUP("1", "8", "4", "SS", "," CHANNEL("10") "," DATA));

    assert_false(differ(draw(*state, both, 0), draw(*state, PLAIN, 0)));
    assert_false(differ(draw(*state, SEQUENCE("54000100", MEDIAN), 0), draw(*state, PLAIN, 0)));
}

static void what_cannot_be_drawn_says_why(void **state)
{
    refuse(*state, NULL, PACS_UNSUPPORTED, "no waveforms");
    refuse(*state, SEQUENCE("54000100", ""), PACS_INVALID, "no multiplex groups");
    refuse(*state, SEQUENCE("54000100", GROUP("0", "8", "4", "SS", "," DATA)), PACS_INVALID, "no channels");
    refuse(*state, SEQUENCE("54000100", GROUP("1", "0", "4", "SS", "," DATA)), PACS_INVALID, "no samples");
    refuse(*state, SEQUENCE("54000100", GROUP("1", "8", "-4", "SS", "," DATA)), PACS_INVALID, "frequency");
    refuse(*state, SEQUENCE("54000100", GROUP("1", "8", "4", "QQ", "," DATA)), PACS_UNSUPPORTED, "kind");
    refuse(*state, SEQUENCE("54000100", GROUP("1", "8", "4", "SS", "")), PACS_INVALID, "no data");
    refuse(*state, SEQUENCE("54000100", GROUP("60000", "8", "4", "SS", "," DATA)), PACS_INVALID,
           "no samples");
}

static void a_group_that_makes_no_sense_is_passed_over(void **state)
{
    const char *both = SEQUENCE("54000100", GROUP("0", "8", "4", "SS", "") "," GROUP(
                                                "1", "8", "4", "SS", "," CHANNEL("10") "," DATA));

    assert_false(differ(draw(*state, both, 0), draw(*state, PLAIN, 0)));
}

static void waveforms_are_known_by_their_class(void **state)
{
    (void)state;
    assert_true(pacs_is_waveform("1.2.840.10008.5.1.4.1.1.9.1.1"));
    assert_true(pacs_is_waveform("1.2.840.10008.5.1.4.1.1.9.4.1"));
    assert_false(pacs_is_waveform("1.2.840.10008.5.1.4.1.1.2"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_channel_is_drawn_by_its_sensitivity),
        TEST(sensitivities_that_make_no_sense_do_not_fail_it),
        TEST(the_patient_is_named_where_somebody_asks),
        TEST(a_median_beat_is_drawn_where_there_is_nothing_else),
        TEST(what_cannot_be_drawn_says_why),
        TEST(a_group_that_makes_no_sense_is_passed_over),
        TEST(waveforms_are_known_by_their_class),
    };
    return cmocka_run_group_tests_name("retrieve waveform", tests, NULL, NULL);
}
