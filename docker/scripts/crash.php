<?php
// Sends a part of an answer, then ends its own worker without a word; with `early`, before any of it.
// No extension of PHP is needed to do so.
if (!isset($_REQUEST['early'])) {
    header('Content-Type: text/plain');
    echo "the first half\n";
    flush();
}
exec('kill -9 ' . getmypid());
sleep(10);
