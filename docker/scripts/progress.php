<?php
// Sends `pieces` pieces of text, `ms` milliseconds apart, each as soon as it is there.
$pieces = isset($_REQUEST['pieces']) ? (int) $_REQUEST['pieces'] : 5;
$ms = isset($_REQUEST['ms']) ? (int) $_REQUEST['ms'] : 100;

header('Content-Type: text/plain');
for ($i = 1; $i <= $pieces; $i++) {
    if ($i > 1) {
        usleep($ms * 1000);
    }
    echo 'piece ', $i, ' of ', $pieces, "\n";
    flush();
}
