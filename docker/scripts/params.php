<?php
// Answers with all parameters of the request, $_SERVER, as JSON. Bytes that are not UTF-8 text
// would stop json_encode(), so a value of that kind comes as {"base64": "..."}.
$params = array();
foreach ($_SERVER as $name => $value) {
    if (is_string($value) && !preg_match('//u', $value)) {
        $value = array('base64' => base64_encode($value));
    }
    $params[$name] = $value;
}

header('Content-Type: application/json');
echo json_encode($params), "\n";
