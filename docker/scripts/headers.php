<?php
// Answers with `count` headers X-Item, as many cookies, and the status `status`.
$count = isset($_REQUEST['count']) ? (int) $_REQUEST['count'] : 3;
$status = isset($_REQUEST['status']) ? $_REQUEST['status'] : '200 OK';

header('Content-Type: text/plain');
header('Status: ' . $status);
for ($i = 1; $i <= $count; $i++) {
    header('X-Item: item ' . $i, false);
}
for ($i = 1; $i <= $count; $i++) {
    setcookie('cookie' . $i, 'value ' . $i);
}
echo $count, "\n";
