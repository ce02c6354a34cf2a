/* Cards in place of pictures. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "transcode/card.h"

static TranscodePicture draw(TranscodeCardShape shape, const char *word, const char *title, uint32_t side)
{
    const TranscodeCard card = {shape, word, title};
    TranscodePicture picture = {0};
    PacsError err = {0};

    if (transcode_card_draw(&card, side, &picture, &err) != PACS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(picture.width, side);
    assert_int_equal(picture.height, side);
    return picture;
}

/* How much brighter than the ground rows from `top` to `end` are, in parts of the side. */
static uint64_t light(const TranscodePicture *picture, double top, double end)
{
    uint64_t sum = 0;

    for (uint32_t y = (uint32_t)(top * picture->height); y < (uint32_t)(end * picture->height); y++)
        for (uint32_t x = 0; x < picture->width; x++)
            sum += picture->pixels[(size_t)y * picture->width + x] - picture->pixels[0];
    return sum;
}

static bool differ(TranscodePicture one, TranscodePicture other)
{
    const bool result = memcmp(one.pixels, other.pixels, (size_t)one.width * one.height) != 0;

    transcode_picture_clear(&one);
    transcode_picture_clear(&other);
    return result;
}

static void each_kind_has_a_shape_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < TRANSCODE_CARD_SHAPES; i++)
        for (int k = 0; k < i; k++)
            assert_true(
                differ(draw((TranscodeCardShape)i, "", "", 128), draw((TranscodeCardShape)k, "", "", 128)));
}

static void the_word_and_the_title_can_be_seen(void **state)
{
    (void)state;
    TranscodePicture empty = draw(TRANSCODE_CARD_PAGE, "", "", 128);
    TranscodePicture full = draw(TRANSCODE_CARD_PAGE, "SR", "Báo cáo siêu âm ổ bụng", 128);

    assert_true(light(&empty, 0, 0.55) > 0);
    assert_int_equal(light(&empty, 0.56, 1), 0);
    assert_true(light(&full, 0.56, 0.72) > 0);
    assert_true(light(&full, 0.72, 1) > 0);
    transcode_picture_clear(&empty);
    transcode_picture_clear(&full);
}

static void letters_keep_their_marks(void **state)
{
    (void)state;
    assert_true(differ(draw(TRANSCODE_CARD_PAGE, "SR", "Bệnh viện", 128),
                       draw(TRANSCODE_CARD_PAGE, "SR", "Benh vien", 128)));
}

static void any_text_and_any_size_will_do(void **state)
{
    static const uint32_t sides[] = {1, 2, 16, 128, 1024};
    char title[9000];

    (void)state;
    memset(title, 'W', sizeof title - 1);
    title[sizeof title - 1] = '\0';
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        TranscodePicture picture = draw(TRANSCODE_CARD_BOX, "\xFF\xC3", title, sides[i]);
        transcode_picture_clear(&picture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_a_shape_of_its_own),
        cmocka_unit_test(the_word_and_the_title_can_be_seen),
        cmocka_unit_test(letters_keep_their_marks),
        cmocka_unit_test(any_text_and_any_size_will_do),
    };
    return cmocka_run_group_tests_name("transcode card", tests, NULL, NULL);
}
