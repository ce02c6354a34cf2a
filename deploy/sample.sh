#!/bin/sh
# Push the generated sample study into the server that `./dev run` starts, and say what to try.
# HTTP and DICOM ports are the embedded default's.
set -eu
http=http://127.0.0.1:8042
sample=build/testdata/sample

curl -fsS --retry 100 --retry-delay 1 --retry-all-errors --max-time 100 -o /dev/null "$http/readyz" 2>/dev/null
storescu -aec LIGHTBOX +sd 127.0.0.1 4242 "$sample"
study=$(curl -fsS "$http/studies" | tr -d ' \n[]"' | cut -d, -f1)
uid=$(curl -fsS "$http/studies/$study" | sed -n 's/.*"StudyInstanceUID" *: *"\([0-9.]*\)".*/\1/p')

cat <<END

Lightbox is running with a sample study. Look at it in a browser:

  $http/dicom-web/studies/$uid/rendered

and try:

  curl $http/system
  curl '$http/studies?expand'
  curl $http/studies/$study/instances
  curl '$http/changes?limit=5'
  storescu -aec LIGHTBOX +sd 127.0.0.1 4242 A_FOLDER_OF_DICOM_FILES
  curl -X POST --data-binary @A_FILE.dcm $http/instances

Stop it with Ctrl-C. Its data are in ${LIGHTBOX_DATA:-lightbox-data}.
END
