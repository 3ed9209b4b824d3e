// Where the bundle begins: the exports of the component, and the actions of the pack.

import 'petrel-actions';
export { actionExport as action, descriptionExport as description } from 'petrel';
