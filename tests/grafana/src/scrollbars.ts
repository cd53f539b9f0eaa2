// The package has its component under `default` twice when it is bundled as a module.
import * as all from '../node_modules/react-custom-scrollbars-2';

const made: any = (all as any).default ?? all;
export const Scrollbars = made.Scrollbars ?? made.default ?? made;
export default Scrollbars;
