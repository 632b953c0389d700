<?php
// Answers with `bytes` bytes of content, "0123456789" again and again, as fast as it can.
$left = isset($_REQUEST['bytes']) ? (int) $_REQUEST['bytes'] : 0;
$block = str_repeat('0123456789', 6553);

header('Content-Type: application/octet-stream');
while ($left > 0) {
    $piece = $left < strlen($block) ? substr($block, 0, $left) : $block;
    echo $piece;
    $left -= strlen($piece);
}
