<?php
// Sleeps `ms` milliseconds, then answers with `value` and the name of the pool.
$ms = isset($_REQUEST['ms']) ? (int) $_REQUEST['ms'] : 0;
$value = isset($_REQUEST['value']) ? $_REQUEST['value'] : '';

usleep($ms * 1000);
header('Content-Type: text/plain');
echo $value, ' - ', getenv('POOL'), "\n";
