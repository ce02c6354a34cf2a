"""Rendered slides in the colour space that is asked for: /rendered?iccprofile= (PS3.18 8.3.5.1.5)."""

import io

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageCms

BROKEN, SLIDE, PLAIN, GREY = "native/slide-broken-profile", "native/slide-adobe-rgb", "native/rgb-planar0", "native/explicit-8bit"


@pytest.fixture(scope="module")
def rendered(session_lightbox, generated_dicom):
    """Ask for a generated object's picture, stored before."""
    stored = {}

    def ask(name, profile, media_type="image/png"):
        if name not in stored:
            path = generated_dicom / (name + ".dcm")
            assert session_lightbox.post("/instances", path.read_bytes()).status_code == 200
            stored[name] = pydicom.dcmread(path, stop_before_pixels=True)
        ds = stored[name]
        url = f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}/rendered"
        query = f"?iccprofile={profile}" if profile else ""
        return session_lightbox.get(url + query, headers={"Accept": media_type})

    return ask


def picture(answer):
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def levels(image):
    return np.array(image).astype(float)


def profile_name(image):
    return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))).strip()


def srgb_of_adobe(stored):
    """The formula; red and blue are the same primaries in both."""
    light = (stored / 255) ** (563 / 256)
    light = np.clip(light @ np.array([[1.39836, -0.39836, 0], [0, 1, 0], [0, -0.04293, 1.04293]]).T, 0, 1)
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def test_a_slide_in_adobe_rgb_comes_in_srgb(rendered):
    plain, converted = picture(rendered(SLIDE, "no")), picture(rendered(SLIDE, "srgb"))
    assert "icc_profile" not in plain.info
    assert profile_name(converted) == "sRGB IEC61966-2.1"
    difference = np.abs(levels(converted) - srgb_of_adobe(levels(plain)))
    assert difference.max() <= 2
    assert np.abs(levels(converted) - levels(plain)).max() > 10  # there was something to do


def test_what_is_in_adobe_rgb_already_keeps_its_levels(rendered):
    converted = picture(rendered(SLIDE, "adobergb"))
    assert profile_name(converted) == "Compatible with Adobe RGB (1998)"
    assert np.abs(levels(converted) - levels(picture(rendered(SLIDE, "no")))).max() <= 1


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
@pytest.mark.parametrize("name", [SLIDE, PLAIN])
def test_every_format_carries_the_profile_of_its_colours(rendered, name, media_type):
    names = [profile_name(picture(rendered(name, word, media_type))) for word in ("srgb", "adobergb", "rommrgb")]
    assert names == ["sRGB IEC61966-2.1", "Compatible with Adobe RGB (1998)", "ROMM RGB ISO 22028-2"]


def test_yes_is_the_images_own_profile_or_that_of_srgb(rendered):
    assert profile_name(picture(rendered(SLIDE, "yes"))) == "invented scanner"
    assert profile_name(picture(rendered(PLAIN, "yes"))) == "sRGB IEC61966-2.1"


def test_the_same_picture_has_the_same_etag_and_spaces_have_different_ones(rendered):
    again = [rendered(SLIDE, "rommrgb") for _ in range(2)]
    assert again[0].headers["ETag"] == again[1].headers["ETag"] != rendered(SLIDE, "srgb").headers["ETag"]
    assert again[0].content == again[1].content


def test_greys_are_left_as_they_are(rendered):
    grey = rendered(GREY, "rommrgb")
    assert "icc_profile" not in picture(grey).info
    assert grey.content == rendered(GREY, "no").content


def test_a_broken_profile_refuses_conversion_and_nothing_else(rendered):
    answer = rendered(BROKEN, "srgb")
    assert answer.status_code == 406
    assert "ICC profile" in answer.text
    plain = picture(rendered(BROKEN, None))
    assert np.array_equal(levels(plain), levels(picture(rendered(BROKEN, "yes"))))


def test_a_gif_cannot_say_that_its_colours_are_not_srgb(rendered):
    assert picture(rendered(SLIDE, "srgb", "image/gif")).format == "GIF"
    assert rendered(SLIDE, "rommrgb", "image/gif").status_code == 406
    assert picture(rendered(GREY, "rommrgb", "image/gif")).format == "GIF"
