<?php
// Writes `message` to the error log, which php-fpm sends to the client as STDERR, `times` times:
// before the answer and, with `after`, once more behind it.
$message = isset($_REQUEST['message']) ? $_REQUEST['message'] : 'something is wrong';
$times = isset($_REQUEST['times']) ? (int) $_REQUEST['times'] : 1;

for ($i = 0; $i < $times; $i++) {
    error_log($message);
}
header('Content-Type: text/plain');
echo 'logged ', $times, "\n";
if (isset($_REQUEST['after'])) {
    flush();
    error_log($message);
}
